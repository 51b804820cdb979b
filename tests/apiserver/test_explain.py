"""Nothing is without a description: what `kubectl explain` prints, the editor's help shows too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from apiserver.kinds import KINDS, Kind
from apiserver.openapi import document, name_of, schemas
from tests.apiserver.conftest import Client


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_people_write_is_explained(kind: Kind) -> None:
    found: dict[str, Any] = schemas(kind)
    own = found[name_of(kind)]["properties"]
    assert {"apiVersion", "kind", "metadata"} <= own.keys()
    spec = found.get(f"{name_of(kind)}.{kind.name}Spec", {"properties": {}})["properties"]
    silent = [name for name, shape in spec.items() if not shape.get("description") and "$ref" not in shape]
    assert silent == []


@pytest.mark.parametrize("place", sorted({(kind.group, kind.version) for kind in KINDS}))
def test_documents_refer_to_what_they_have(place: tuple[str, str]) -> None:
    body = msgspec.json.decode(document(*place))
    have = {f"#/components/schemas/{name}" for name in body["components"]["schemas"]}

    def refs(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(refs, value.values()))
        return set().union(*map(refs, value)) if isinstance(value, list) else set()

    assert refs(body) <= have


def test_clients_of_before_openapi_v3_find_every_kind_in_protobuf(carol: Client) -> None:
    """What kubectl 1.20 makes of it: tests/apiserver/test_old_kubectl.py."""
    as_protobuf = {"Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}
    found = carol("GET", "/openapi/v2", headers=as_protobuf)
    assert (found.status_code, found.headers["Content-Type"]) == (200, "application/octet-stream")
    assert found.content.startswith(b"\x0a\x032.0")
    assert all(name_of(kind).encode() in found.content for kind in KINDS)

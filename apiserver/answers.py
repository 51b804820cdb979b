"""The dress of an answer: the object, its metadata only, or a row of a table, as the client's Accept says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apiserver import tables
from apiserver.kinds import Kind, Manifest
from apiserver.status import NotAcceptable, success
from inventory.manifests import dump_yaml

Dress = Literal["object", "table", "metadata", "yaml"]
_AS = {
    ("Table", "meta.k8s.io", "v1"): "table",
    ("Table", "meta.k8s.io", "v1beta1"): "table",
    ("PartialObjectMetadata", "meta.k8s.io", "v1"): "metadata",
    ("PartialObjectMetadataList", "meta.k8s.io", "v1"): "metadata",
}
_PLAIN = {"application/json": "object", "*/*": "object", "application/*": "object", "application/yaml": "yaml"}


def dress_of(request: HttpRequest) -> Dress:
    """The first of the wanted formats that we have. Protobuf we have not; clients that like it also take JSON."""
    accept = request.META.get("HTTP_ACCEPT") or "*/*"
    for wanted in accept[:2000].split(","):
        kind, *parameters = (part.strip() for part in wanted.split(";"))
        given = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
        found: Any
        if "as" in given:
            found = _AS.get((given["as"], given.get("g", ""), given.get("v", ""))) if kind.endswith("json") else None
        else:
            found = _PLAIN.get(kind)
        if found:
            return found  # type: ignore[no-any-return]  # one of the four words above
    raise NotAcceptable(_("only the following media types are accepted: application/json, application/yaml"))


def encoded(body: Any, *, status: int = 200, dress: Dress = "object", warnings: Iterable[str] = ()) -> HttpResponse:
    if dress == "yaml":
        response = HttpResponse(dump_yaml(body), status=status, content_type="application/yaml")
    else:
        response = HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")
    told = [f'299 - "{_quoted(warning)}"' for warning in warnings]
    if told:
        response["Warning"] = ", ".join(told)
    return response


def plain(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type="application/json")


def _quoted(text: str) -> str:
    """A header's quoted string: no line ends, no foreign quotes."""
    plain = text.encode("ascii", "replace").decode()
    return "".join(letter for letter in plain if letter.isprintable()).replace("\\", "\\\\").replace('"', '\\"')


def one(
    request: HttpRequest, kind: Kind, row: Any, body: Manifest, *, status: int = 200, warnings: Iterable[str] = ()
) -> HttpResponse:
    dress = dress_of(request)
    if dress == "table":
        body = tables.table(kind, [tables.line(kind, row, tables.includes(request))], {})
        body["metadata"] = {"resourceVersion": tables.version(row)}
    elif dress == "metadata":
        body = tables.partial(kind, row)
    return encoded(body, status=status, dress=dress, warnings=warnings)


def deleted(kind: Kind, row: Any, body: Manifest | None, uid: str) -> HttpResponse:
    """What is gone is a Status of success; what takes its time is shown as it goes."""
    if body is not None:
        return encoded(body)
    return encoded(success({"name": row.name, "group": kind.group, "kind": kind.plural, "uid": uid}))

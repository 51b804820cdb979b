"""A disk's manifest comes back as it went, and says what is wrong with a bad one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from storage import manifests
from storage.models import VirtualMachineDisk
from vmconsole.access.errors import Unprocessable
from vmconsole.runtime.quantities import format_quantity

TEXT = st.text(max_size=20)
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?", fullmatch=True)
SIZES = st.one_of(
    st.integers(1 << 20, 1 << 45).map(format_quantity),
    st.integers(1, 4096).map(lambda number: f"{number}Gi"),
    st.integers(1, 99).map(lambda number: f"{number}.5G"),
)
CHECKSUMS = st.one_of(st.just(""), st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:".__add__))
HEADERS = st.lists(st.from_regex(r"X-[A-Za-z]{1,8}: [a-z0-9]{0,8}", fullmatch=True), max_size=3)


def without_defaults(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value not in ("", [], {})}


SOURCES = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "url": NAMES.map(lambda name: f"https://example.com/{name}.qcow2"),
            "checksum": CHECKSUMS,
            "secretRef": st.one_of(st.just(""), NAMES),
            "extraHeaders": HEADERS,
            "secretExtraHeaders": st.lists(NAMES, max_size=2),
        }
    ).map(lambda http: {"http": without_defaults(http)}),
    NAMES.map(lambda name: {"virtualMachineDisk": {"name": name}}),
    NAMES.map(lambda name: {"image": {"name": name}}),
    st.tuples(NAMES, NAMES).map(lambda pair: {"image": {"name": pair[0], "namespace": pair[1]}}),
)
MANIFESTS = st.fixed_dictionaries(
    {
        "apiVersion": st.just("vm.cluster.gke.io/v1"),
        "kind": st.just("VirtualMachineDisk"),
        "metadata": st.fixed_dictionaries(
            {
                "name": NAMES,
                "namespace": NAMES,
                "labels": st.dictionaries(TEXT, TEXT, max_size=3),
                "annotations": st.dictionaries(TEXT, TEXT, max_size=3),
            }
        ).map(without_defaults),
        "spec": st.fixed_dictionaries(
            {
                "size": SIZES,
                "source": SOURCES,
                "storageClassName": st.one_of(st.just(""), NAMES),
                "diskType": st.sampled_from(["", "cdrom"]),
            }
        ).map(without_defaults),
    }
)


def stored(document: dict[str, Any]) -> VirtualMachineDisk:
    """The row that `create_disk` would write."""
    manifest = manifests.parse_disk(document)
    wanted = manifests.wanted(manifest)
    return VirtualMachineDisk(
        namespace=manifest.metadata.namespace, name=manifest.metadata.name, labels=wanted["labels"],
        annotations=wanted["annotations"], spec_size_bytes=wanted["size_bytes"], spec_source=wanted["source"],
        spec_storage_class=wanted["storage_class"], spec_rest=wanted["rest"],
    )  # fmt: skip


@given(MANIFESTS)
def test_the_round_trip_loses_nothing(document: dict[str, Any]) -> None:
    import msgspec

    back = msgspec.to_builtins(manifests.disk_manifest(stored(document)))
    assert yaml.safe_load(yaml.safe_dump(back)) == document


@pytest.mark.django_db
def test_what_is_shown_can_be_taken_in_again() -> None:
    disk = VirtualMachineDisk.objects.create(
        namespace="default", name="data", spec_size_bytes=10 << 30, status_size_bytes=10 << 30, status_phase="Succeeded"
    )
    shown = manifests.shown(disk)
    assert shown["status"]["phase"] == "Succeeded"
    assert shown["spec"] == {"size": "10Gi"}
    again = manifests.parse_disk(yaml.safe_load(yaml.safe_dump(shown)))
    assert manifests.wanted(again)["size_bytes"] == 10 << 30


def document(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "vm.cluster.gke.io/v1",
        "kind": "VirtualMachineDisk",
        "metadata": {"name": "data"},
        "spec": {"size": "1Gi", **spec},
    }


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"size": "big"}, "spec.size"),
        ({"sise": "1Gi"}, "spec"),
        ({"source": {"http": {"url": "file:///etc/passwd"}}}, "spec.source.http.url"),
        ({"source": {"http": {"url": "http://127.0.0.1/x"}}}, "spec.source.http.url"),
        ({"source": {"http": {"url": "https://x.example/x", "checksum": "md5:1"}}}, "spec.source.http.checksum"),
        (
            {"source": {"http": {"url": "https://x.example/x", "extraHeaders": ["a: b\r\nc: d"]}}},
            "spec.source.http.extraHeaders",
        ),
        ({"source": {"gcs": {"url": "gs://bucket/x"}}}, "spec.source.gcs"),
        ({"source": {"floppy": {}}}, "spec.source"),
        ({"source": {"image": {"name": "a"}, "virtualMachineDisk": {"name": "b"}}}, "spec.source"),
        ({"persistentVolumeClaimName": "claim"}, "spec.persistentVolumeClaimName"),
        ({"diskType": "tape"}, "spec.diskType"),
    ],
)
def test_what_makes_no_sense_is_named(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(Unprocessable) as refusal:
        manifests.parse_disk(document(**spec))
    assert refusal.value.field == field
    assert refusal.value.public.endswith(".")

"""Disks as manifests: YAML or JSON in, columns out, and back without loss.

Field names are those of VM Runtime's VirtualMachineDisk, so that its documented manifests apply unchanged. Unknown
fields are refused; what servers fill in (`status`, `metadata.uid` and the like) is ignored when it comes back.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from django.utils.translation import gettext as _
from msgspec import Meta, Struct

from storage import sources
from storage.models import VirtualMachineDisk
from vmconsole import objectmeta
from vmconsole.access.errors import Unprocessable
from vmconsole.objectmeta import Metadata
from vmconsole.runtime.quantities import BadQuantity, format_quantity, parse_quantity
from vmconsole.runtime.types import Phase

GROUP: Final = "vm.cluster.gke.io/v1"
KIND: Final = "VirtualMachineDisk"
_KEPT: Final = ("persistent_volume_claim_name", "disk_type")


class DiskSpec(Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What the disk should be."""

    size: Annotated[str, Meta(description="A quantity such as 20Gi. As large as its source when left out.")] = ""
    storage_class_name: Annotated[str, Meta(description="Where it is kept. The default class when left out.")] = ""
    source: Annotated[
        dict[str, Any],
        Meta(description="What is in it at first: an image, http, upload or virtualMachineDisk. Blank when left out."),
    ] = {}
    persistent_volume_claim_name: Annotated[str, Meta(description="A claim that exists. On clusters only.")] = ""
    disk_type: Annotated[Literal["", "cdrom"], Meta(description="cdrom: the guest sees a disc.")] = ""


class DiskManifest(Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A VirtualMachineDisk as people write it."""

    api_version: Literal["vm.cluster.gke.io/v1"]
    kind: Literal["VirtualMachineDisk"]
    metadata: Metadata
    spec: DiskSpec


def parse_disk(document: dict[str, Any]) -> DiskManifest:
    """Checked, or Unprocessable with the sentence."""
    try:
        manifest = msgspec.convert(objectmeta.writable(document), DiskManifest)
    except msgspec.ValidationError as error:
        sentence, _at, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".")
        said = _("%(path)s: %(what)s.") % {"path": field or "manifest", "what": sentence}
        raise Unprocessable(said, field=field) from error
    if manifest.spec.persistent_volume_claim_name:
        raise Unprocessable(
            _("Existing volume claims exist on clusters only. Leave persistentVolumeClaimName out."),
            field="spec.persistentVolumeClaimName",
        )
    manifest.spec.source = sources.checked(manifest.spec.source)
    _size(manifest.spec.size)
    return manifest


def _size(text: str) -> int:
    try:
        return parse_quantity(text) if text else 0
    except BadQuantity as error:
        raise Unprocessable(_(str(error)), field="spec.size", reason="InvalidSize") from error


def wanted(manifest: DiskManifest) -> dict[str, Any]:
    """What `services.create_disk` takes for it, besides who, where and the name."""
    spec, size_bytes = manifest.spec, _size(manifest.spec.size)
    rest = {field: value for field in _KEPT if (value := getattr(spec, field))}
    if spec.size and spec.size != format_quantity(size_bytes):
        rest["size"] = spec.size  # as it was written: 4096Mi stays 4096Mi
    return {
        "size_bytes": size_bytes,
        "source": spec.source,
        "labels": manifest.metadata.labels,
        "annotations": manifest.metadata.annotations,
        "storage_class": spec.storage_class_name,
        "rest": rest,
        **objectmeta.held(manifest.metadata),
    }


def disk_manifest(disk: VirtualMachineDisk) -> DiskManifest:
    """The disk's wish, as its manifest says it."""
    rest = dict(disk.spec_rest)
    written = rest.pop("size", "")
    if not written or parse_quantity(written) != disk.spec_size_bytes:
        written = format_quantity(disk.spec_size_bytes) if disk.spec_size_bytes else ""
    spec = DiskSpec(size=written, storage_class_name=disk.spec_storage_class, source=disk.spec_source, **rest)
    return DiskManifest(
        GROUP,
        KIND,
        Metadata(name=disk.name, namespace=disk.namespace, labels=disk.labels, annotations=disk.annotations),
        spec,
    )


def shown(disk: VirtualMachineDisk) -> dict[str, Any]:
    """The whole object as `kubectl get -o yaml` would print it."""
    document: dict[str, Any] = msgspec.to_builtins(disk_manifest(disk))
    document["metadata"] |= {
        "uid": str(disk.uid),
        "generation": disk.generation,
        "resourceVersion": str(disk.resource_version),
        "creationTimestamp": disk.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    document["status"] = _status(disk)
    return document


def _status(disk: VirtualMachineDisk) -> dict[str, Any]:
    ready = disk.status_phase == Phase.SUCCEEDED
    percent = 100.0 if ready else disk.status_percent
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    if disk.status_reason:
        condition |= {"reason": disk.status_reason, "message": disk.status_message}
    status: dict[str, Any] = {
        "phase": disk.status_phase,
        "progress": "N/A" if percent is None else f"{percent:.1f}%",
        "size": format_quantity(disk.status_size_bytes),
        "conditions": [condition],
    }
    held = disk.attachments.all()
    if held:
        status["virtualMachineAttachments"] = [
            {"name": one.machine_name, "uid": str(one.machine_uid), "readOnly": one.read_only} for one in held
        ]
    return status


class DiskStatus(Struct, rename="camel", omit_defaults=True):
    """What was last seen of the disk."""

    phase: Annotated[str, Meta(description="Pending, ImportInProgress, CloneInProgress, Succeeded, Failed …")] = ""
    progress: Annotated[str, Meta(description="How much of it is made, such as 42.0%; N/A while unknown.")] = ""
    size: Annotated[str, Meta(description="What the guest sees.")] = ""
    conditions: Annotated[list[dict[str, str]], Meta(description="Ready, and why not.")] = []
    virtual_machine_attachments: Annotated[
        list[dict[str, Any]], Meta(description="Machines that hold the disk: name, uid, readOnly.")
    ] = []


class StorageClassManifest(Struct, rename="camel", omit_defaults=True):
    """A storage class as it is shown; nobody writes one."""

    provisioner: Annotated[str, Meta(description="Who makes the disks.")] = ""
    reclaim_policy: Annotated[str, Meta(description="Delete: a deleted disk's data is gone.")] = ""
    volume_binding_mode: Annotated[str, Meta(description="Immediate: disks are made at once.")] = ""
    allow_volume_expansion: Annotated[bool, Meta(description="Whether disks can grow.")] = False

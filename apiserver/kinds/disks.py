"""VirtualMachineDisk and StorageClass: disks with a life of their own, and where they can lie."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from apiserver.kinds.kind import Asking, Column, Kind, Manifest
from apiserver.meta import age, metadata_of, stamp
from storage.manifests import DiskManifest, DiskStatus, StorageClassManifest, parse_disk, shown, wanted
from storage.models import StorageClass, VirtualMachineDisk
from storage.services import create_disk, delete_disk, edit_disk
from vmconsole.access.models import User
from vmconsole.access.rights import Right, may, namespaces
from vmconsole.runtime.quantities import format_quantity
from vmconsole.runtime.types import Phase


def to_manifest(disk: VirtualMachineDisk) -> Manifest:
    document = shown(disk)
    top = {"apiVersion": "vm.cluster.gke.io/v1", "kind": "VirtualMachineDisk"}
    return {**top, **document, "metadata": metadata_of(disk)}


def _create(asking: Asking, manifest: Manifest) -> VirtualMachineDisk:
    parsed = parse_disk(manifest)
    namespace, name = parsed.metadata.namespace, parsed.metadata.name
    return create_disk(asking.user, asking.actor, namespace, name, **wanted(parsed))


def _update(asking: Asking, disk: VirtualMachineDisk, manifest: Manifest) -> VirtualMachineDisk:
    return edit_disk(asking.user, asking.actor, disk, wanted(parse_disk(manifest)))


def _progress(disk: VirtualMachineDisk) -> str:
    percent = 100.0 if disk.status_phase == Phase.SUCCEEDED else disk.status_percent
    return "N/A" if percent is None else f"{percent:.1f}%"


def _related(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.prefetch_related("attachments")


DISK = Kind(
    group="vm.cluster.gke.io",
    version="v1",
    name="VirtualMachineDisk",
    plural="virtualmachinedisks",
    singular="virtualmachinedisk",
    short_names=("gdisk", "vmdisk"),
    categories=("all",),
    schema=DiskManifest,
    status=DiskStatus,
    change="VirtualMachineDisk",
    description="A disk: blank, or made from an image, an address or another disk.",
    rows=VirtualMachineDisk.objects.visible_to,
    related=_related,
    to_manifest=to_manifest,
    create=_create,
    update=_update,
    # As claims are protected in Kubernetes: what is in use goes once it is free.
    delete=lambda asking, disk: delete_disk(asking.user, asking.actor, disk, when_free=True),
    selectable={"status.phase": "status_phase"},
    columns=(
        Column("Age", age, "date"),
        Column("Phase", lambda disk: disk.state, description="How far it is."),
        Column("Progress", _progress, description="How much of it is made."),
        Column("Size", lambda disk: format_quantity(disk.size_bytes), description="What the guest sees."),
        Column("StorageClass", lambda disk: disk.spec_storage_class, priority=1),
        Column("Message", lambda disk: disk.status_message, priority=1),
    ),
)


def _class_rows(user: User) -> QuerySet[StorageClass]:
    sees = may(user, Right.CLUSTER_VIEW, None) or bool(namespaces(user))
    return StorageClass.objects.all() if sees else StorageClass.objects.none()


def _class_metadata(row: StorageClass) -> Manifest:
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "name": row.name,
        "uid": str(row.uid),
        "resourceVersion": str(row.resource_version or 1),
        "creationTimestamp": stamp(row.created_at),
        **({"annotations": mark} if row.default else {}),
    }


def _class_manifest(row: StorageClass) -> Manifest:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": _class_metadata(row),
        "provisioner": row.provisioner,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }


STORAGE_CLASS = Kind(
    group="storage.k8s.io",
    version="v1",
    name="StorageClass",
    plural="storageclasses",
    singular="storageclass",
    short_names=("sc",),
    namespaced=False,
    schema=StorageClassManifest,
    change="StorageClass",
    description="A place that disks can be asked to lie in. What there is, the host decides.",
    see=Right.CLUSTER_VIEW,
    edit=Right.CLUSTER_EDIT,
    rows=_class_rows,
    to_manifest=_class_manifest,
    metadata=_class_metadata,
    columns=(
        Column("Provisioner", lambda row: row.provisioner),
        Column("ReclaimPolicy", lambda _row: "Delete"),
        Column("VolumeBindingMode", lambda _row: "Immediate"),
        Column("AllowVolumeExpansion", lambda _row: True, "boolean"),
        Column("Age", age, "date"),
    ),
)

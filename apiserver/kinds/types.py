"""VirtualMachineType: named compute shapes of the cluster."""

from __future__ import annotations

from apiserver.kinds.kind import Asking, Column, Kind, Manifest
from apiserver.meta import age, metadata_of
from inventory.manifests import parse_type, type_manifest
from inventory.models import VirtualMachineType
from inventory.schema import VirtualMachineTypeManifest
from inventory.services.types import delete_type, save_type
from vmconsole.access.models import User
from vmconsole.access.rights import Right, may, namespaces


def rows(user: User):  # type: ignore[no-untyped-def]  # a query set of its model
    """Whoever may use a namespace has to see them to name them."""
    sees = may(user, Right.CLUSTER_VIEW, None) or bool(namespaces(user))
    return VirtualMachineType.objects.all() if sees else VirtualMachineType.objects.none()


def to_manifest(shape: VirtualMachineType) -> Manifest:
    return type_manifest(shape) | {"metadata": metadata_of(shape)}


def _create(asking: Asking, manifest: Manifest) -> VirtualMachineType:
    return save_type(asking.user, asking.actor, parse_type(manifest))


def _update(asking: Asking, shape: VirtualMachineType, manifest: Manifest) -> VirtualMachineType:
    return save_type(asking.user, asking.actor, parse_type(manifest), existing=shape)


TYPE = Kind(
    group="vm.cluster.gke.io",
    version="v1",
    name="VirtualMachineType",
    plural="virtualmachinetypes",
    singular="virtualmachinetype",
    short_names=("gvmtype", "vmtype"),
    namespaced=False,
    schema=VirtualMachineTypeManifest,
    change="VirtualMachineType",
    description="A named compute shape that machines can ask for.",
    see=Right.CLUSTER_VIEW,
    edit=Right.CLUSTER_EDIT,
    rows=rows,
    to_manifest=to_manifest,
    create=_create,
    update=_update,
    delete=lambda asking, shape: delete_type(asking.user, asking.actor, shape),
    columns=(
        Column("VCPUs", lambda shape: shape.spec_vcpus, "integer"),
        Column("Memory", lambda shape: shape.spec_memory),
        Column("Age", age, "date"),
    ),
)

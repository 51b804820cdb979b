"""VirtualMachine: the machine itself."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from apiserver.kinds.kind import Asking, Column, Kind, Manifest
from apiserver.meta import age, metadata_of
from inventory.manifests import annotations_of, manifest_of, parse_machine
from inventory.models import VirtualMachine
from inventory.schema import VirtualMachineManifest
from inventory.services.editing import delete, edit
from inventory.services.making import create
from vmconsole.access.models import User


def rows(user: User) -> QuerySet[VirtualMachine]:
    """Machines made outside belong to no namespace, so there is no address for them here until they are adopted."""
    visible: QuerySet[VirtualMachine] = VirtualMachine.objects.visible_to(user)
    return visible.filter(namespace__gt="")


def to_manifest(vm: VirtualMachine) -> Manifest:
    return manifest_of(vm) | {"metadata": metadata(vm)}


def metadata(vm: VirtualMachine) -> Manifest:
    return metadata_of(vm, annotations=annotations_of(vm))


def _create(asking: Asking, manifest: Manifest) -> VirtualMachine:
    vm, _operation = create(asking.user, asking.actor, parse_machine(manifest))
    return vm


def _update(asking: Asking, vm: VirtualMachine, manifest: Manifest) -> VirtualMachine:
    edit(asking.user, asking.actor, vm, parse_machine(manifest))
    return VirtualMachine.objects.get(uid=vm.uid)


def _address(vm: VirtualMachine) -> str:
    """The guest's own word on its addresses: without their prefix, as people type them."""
    known: list[str] = next((card["ipAddresses"] for card in vm.status_addresses if card.get("ipAddresses")), [])
    return str(known[0]).partition("/")[0] if known else ""


def _related(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.prefetch_related("disks", "interfaces")


MACHINE = Kind(
    group="vm.cluster.gke.io",
    version="v1",
    name="VirtualMachine",
    plural="virtualmachines",
    singular="virtualmachine",
    short_names=("gvm", "vm", "vms"),
    categories=("all",),
    schema=VirtualMachineManifest,
    change="VirtualMachine",
    description="A virtual machine: its compute, disks, network cards and first boot.",
    rows=rows,
    related=_related,
    to_manifest=to_manifest,
    metadata=metadata,
    create=_create,
    update=_update,
    delete=lambda asking, vm: delete(asking.user, asking.actor, vm),
    selectable={"status.state": "status_state", "status.nodeName": "status_node"},
    columns=(
        Column("Status", lambda vm: vm.status_state, description="What it is doing."),
        Column("Age", age, "date", description="How long ago it was created."),
        Column("IP", _address, description="The first address of its first card."),
        Column("Node", lambda vm: vm.status_node, priority=1, description="The node it runs on."),
        Column("Reason", lambda vm: vm.status_reason, priority=1, description="Why it is in this state."),
    ),
)

"""Machines as KubeVirt shows them, to look at only: what `virtctl` and dashboards for KubeVirt read.

A VirtualMachineInstance is there while its machine runs. Changes are made to our own kind, and power is asked for with
the sub-resources; short names that ours has too are left to ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID, uuid5

from django.db.models import QuerySet
from msgspec import Struct, field

from apiserver.kinds.kind import Column, Kind, Manifest
from apiserver.meta import age, metadata_of, stamp
from inventory.manifests import annotations_of
from inventory.models import VirtualMachine
from inventory.rules import OFF
from vmconsole.access.models import User
from vmconsole.objectmeta import Metadata
from vmconsole.runtime.types import Power

GROUP: Final = "kubevirt.io"
NOT_RUNNING: Final = ("", *(power.value for power in OFF))
# Ours that KubeVirt has no word for.
PRINTABLE: Final = {"Pending": "Provisioning", "ErrorConfiguration": "Stopped"}


class KubevirtVirtualMachine(Struct, rename="camel"):
    """A machine's wish and state in KubeVirt's words. Read-only."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)


class KubevirtVirtualMachineInstance(Struct, rename="camel"):
    """A machine that runs, in KubeVirt's words. Read-only."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)


def machines(user: User) -> QuerySet[VirtualMachine]:
    visible: QuerySet[VirtualMachine] = VirtualMachine.objects.visible_to(user)
    return visible.filter(namespace__gt="")


def instances(user: User) -> QuerySet[VirtualMachine]:
    return machines(user).exclude(status_power__in=NOT_RUNNING)


def changed(_rows: QuerySet[Any], uids: Iterable[str]) -> QuerySet[Any]:
    """Also of machines that have just been stopped: their instance is gone, and somebody has to be told."""
    return VirtualMachine.objects.filter(uid__in=uids)


def runs(vm: VirtualMachine) -> bool:
    return vm.status_power not in NOT_RUNNING


def is_ready(vm: VirtualMachine) -> bool:
    return vm.status_power == Power.ON


def metadata(vm: VirtualMachine) -> Manifest:
    return metadata_of(vm, annotations=annotations_of(vm))


def instance_metadata(vm: VirtualMachine) -> Manifest:
    """Of this run of the machine: the next start is another instance."""
    found = metadata(vm)
    for ours in ("finalizers", "generation"):
        found.pop(ours, None)
    if vm.status_started_at:
        found["creationTimestamp"] = stamp(vm.status_started_at)
    owner = {"apiVersion": f"{GROUP}/v1", "kind": "VirtualMachine", "name": vm.name, "uid": str(vm.uid)}
    found["ownerReferences"] = [{**owner, "controller": True, "blockOwnerDeletion": True}]
    return {**found, "uid": str(instance_uid(vm))}


def instance_uid(vm: VirtualMachine) -> UUID:
    return uuid5(vm.uid, vm.status_started_at.isoformat() if vm.status_started_at else "")


def machine(vm: VirtualMachine) -> Manifest:
    strategy = {"Running": "Always", "Stopped": "Halted"}.get(vm.spec_running_state, "Manual")
    template = {"metadata": {"labels": vm.labels}, "spec": instance_spec(vm)}
    status = {
        "created": runs(vm),
        "ready": is_ready(vm),
        "printableStatus": printable(vm),
        "runStrategy": strategy,
        "observedGeneration": vm.observed_generation,
        "desiredGeneration": vm.generation,
        "conditions": conditions(vm),
    }
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "VirtualMachine",
        "metadata": metadata(vm),
        "spec": {"runStrategy": strategy, "template": template},
        "status": status,
    }


def instance(vm: VirtualMachine) -> Manifest:
    guest = vm.status_guest
    told = {
        "name": guest.get("os_name", "").partition(" ")[0],
        "prettyName": guest.get("os_name", ""),
        "kernelRelease": guest.get("kernel", ""),
    }
    status = {
        "phase": phase(vm),
        "nodeName": vm.status_node,
        "conditions": conditions(vm),
        "guestOSInfo": {key: value for key, value in told.items() if value},
        "interfaces": [interface(card) for card in vm.status_addresses],
        "phaseTransitionTimestamps": [
            {"phase": state, "phaseTransitionTimestamp": at} for state, at in vm.status_transitions.items()
        ],
    }
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "VirtualMachineInstance",
        "metadata": instance_metadata(vm),
        "spec": instance_spec(vm),
        "status": status,
    }


def instance_spec(vm: VirtualMachine) -> Manifest:
    disks = [
        {"name": disk.disk_name, ("cdrom" if disk.cdrom else "disk"): {"bus": disk.driver}} for disk in vm.disks.all()
    ]
    cards = list(vm.interfaces.all())
    devices = {
        "disks": disks,
        "interfaces": [{"name": card.name, "model": card.model, "bridge": {}} for card in cards],
    }
    domain: Manifest = {"devices": devices, "cpu": {"cores": vm.spec_vcpus or vm.status_vcpus or 1}}
    memory = vm.spec_memory_bytes or vm.status_memory_bytes
    if memory:
        domain["memory"] = {"guest": f"{memory >> 10}Ki"}
    return {
        "domain": domain,
        "terminationGracePeriodSeconds": vm.spec_grace_seconds,
        "volumes": [
            {"name": disk.disk_name, "dataVolume": {"name": disk.disk_name}} for disk in vm.disks.all()
        ],
        "networks": [{"name": card.name, "multus": {"networkName": card.network_name}} for card in cards],
    }  # fmt: skip


def interface(card: dict[str, Any]) -> Manifest:
    addresses = [str(address).partition("/")[0] for address in card.get("ipAddresses", [])]
    found = {"name": card.get("name", ""), "mac": card.get("macAddress", "")}
    return {**found, "ipAddress": addresses[0], "ipAddresses": addresses} if addresses else found


def conditions(vm: VirtualMachine) -> list[Manifest]:
    """Only `Ready` is always there; the others are when they are true, as KubeVirt does it."""
    found = [condition("Ready", holds=is_ready(vm), reason="" if is_ready(vm) else "GuestNotRunning")]
    if vm.status_power == Power.PAUSED:
        found.append(condition("Paused", holds=True, reason="PausedByUser"))
    if vm.status_guest:
        found.append(condition("AgentConnected", holds=True))
    if vm.status_state not in PRINTABLE and vm.status_message and not runs(vm):
        found.append(condition("Failure", holds=True, reason=vm.status_reason, message=vm.status_message))
    return found


def condition(kind: str, *, holds: bool, reason: str = "", message: str = "") -> Manifest:
    told = {"type": kind, "status": str(holds), "reason": reason, "message": message}
    return {key: value for key, value in told.items() if value}


def printable(vm: VirtualMachine) -> str:
    return PRINTABLE.get(vm.status_state, vm.status_state)


def phase(vm: VirtualMachine) -> str:
    if not runs(vm):
        return "Succeeded" if vm.status_stop_reason not in ("crashed", "failed") else "Failed"
    return {Power.STARTING: "Scheduling", Power.UNKNOWN: "Unknown"}.get(Power(vm.status_power), "Running")


def address(vm: VirtualMachine) -> str:
    return next((each["ipAddress"] for each in map(interface, vm.status_addresses) if "ipAddress" in each), "")


def related(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.prefetch_related("disks", "interfaces")


VM = Kind(
    group=GROUP,
    version="v1",
    name="VirtualMachine",
    plural="virtualmachines",
    singular="virtualmachine",
    door="kubevirt_machines",
    schema=KubevirtVirtualMachine,
    change="VirtualMachine",
    description="A machine in KubeVirt's words, to look at only.",
    rows=machines,
    related=related,
    to_manifest=machine,
    metadata=metadata,
    columns=(
        Column("Age", age, "date", description="How long ago it was created."),
        Column("Status", printable, description="What it is doing."),
        Column("Ready", lambda vm: str(is_ready(vm)), description="Whether it runs."),
    ),
)
VMI = Kind(
    group=GROUP,
    version="v1",
    name="VirtualMachineInstance",
    plural="virtualmachineinstances",
    singular="virtualmachineinstance",
    short_names=("vmi", "vmis"),
    door="kubevirt_instances",
    schema=KubevirtVirtualMachineInstance,
    change="VirtualMachine",
    description="A machine that runs, in KubeVirt's words, to look at only.",
    rows=instances,
    changed_rows=changed,
    present=runs,
    related=related,
    to_manifest=instance,
    metadata=instance_metadata,
    selectable={"status.nodeName": "status_node"},
    columns=(
        Column("Age", lambda vm: instance_metadata(vm)["creationTimestamp"], "date", description="How long it runs."),
        Column("Phase", phase, description="How far it has come."),
        Column("IP", address, description="The first address of its first card."),
        Column("NodeName", lambda vm: vm.status_node, description="The node it runs on."),
        Column("Ready", lambda vm: str(is_ready(vm)), description="Whether its guest runs."),
        Column(
            "Paused", lambda vm: str(vm.status_power == Power.PAUSED), priority=1, description="Whether it is held."
        ),
    ),
)

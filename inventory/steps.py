"""Taking the planned step, and ending what was asked, well or badly."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.assembly import Assembled
from inventory.models import MachineDisk, MachineInterface, VirtualMachine
from inventory.observe import record_seen
from inventory.plan import Apply, Delete, NoteStopped, Send, SetPower, Step
from inventory.rules import OFF, Verb
from inventory.services.asking import KIND, tell
from inventory.services.attaching import attach_existing, detach_all
from inventory.services.editing import take_back
from inventory.services.trash import take_out
from inventory.services.versions import remember
from networking.models import Network
from networking.reconcile import apply_now
from networking.services import release_all
from observability import events
from storage import services as storage
from storage.models import VirtualMachineDisk
from vmconsole.access import secrets
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Refused
from vmconsole.operations import loop
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.types import DiskSpec, MachineSeen, MachineSpec, Power

CARD_MODELS = ("virtio", "e1000", "e1000e", "rtl8139")


def take(
    step: Step, vm: VirtualMachine, operation: Operation | None, assembled: Assembled, runtime: RuntimeConnection
) -> None:  # fmt: skip
    """One call to the runtime. What it did is for the next look to say."""
    if isinstance(step, Apply):
        _apply(step.spec, vm, operation, assembled, runtime)
    elif isinstance(step, SetPower):
        _say(operation, _("Asking the guest to shut down.") if step.power is Power.OFF and not step.force else "")
        runtime.machines.set_power(vm.uid, step.power, force=step.force)
    elif isinstance(step, NoteStopped) and operation:
        operation.remember(stopped=True)
    elif isinstance(step, Send) and operation:
        operation.remember(sent=True)
        runtime.machines.reset(vm.uid)
        operations.finish(operation)
    elif isinstance(step, Delete):
        runtime.machines.delete(vm.uid)


def _say(operation: Operation | None, sentence: str) -> None:
    if operation and sentence:
        operations.progress(operation, operation.percent, sentence)


def _apply(
    spec: MachineSpec, vm: VirtualMachine, operation: Operation | None, assembled: Assembled, runtime: RuntimeConnection
) -> None:
    for network in assembled.networks:
        apply_now(network.uid, runtime.networks)
    if operation and operation.data.get("drift") == "theirs":
        seen = runtime.machines.get(vm.uid)
        if seen and seen.spec:
            take_over(vm, seen.spec)
            remember(vm, Actor(**operation.actor), operation_uid=operation.uid)
    else:
        runtime.machines.apply(spec)
    seen = runtime.machines.get(vm.uid)
    VirtualMachine.objects.filter(uid=vm.uid).update(
        observed_generation=vm.generation, status_applied_revision=seen.revision if seen else "", status_drift=[],
        status_fault="", status_fault_reason="",
    )  # fmt: skip


@transaction.atomic
def forget(vm: VirtualMachine, operation: Operation | None) -> None:
    """The machine is gone from the runtime: give back what it held, and delete the disks that were to go with it.

    Somebody's finalizer keeps the row, and everything that hangs on it, until they take it away.
    """
    if VirtualMachine.objects.filter(uid=vm.uid).exclude(finalizers=[]).exists():
        return
    detach_all(vm)
    release_all(vm.uid)
    secrets.discard(vm.uid)
    actor = Actor(**operation.actor) if operation else Actor.system("reconcile")
    for disk in VirtualMachineDisk.objects.filter(namespace=vm.namespace, name__in=vm.delete_disks):
        try:
            storage.delete_disk_with_machine(actor, disk)
        except Refused as refusal:
            events.record(
                "VirtualMachineDisk", disk.uid, disk.name, disk.namespace, "Kept", refusal.public, level="Warning"
            )
    uid = vm.uid
    vm.delete()
    vm.uid = uid
    tell(vm, "DELETED")
    if operation:
        operations.finish(operation)


def vanished(vm: VirtualMachine, operation: Operation | None) -> float | None:
    """Removed outside. Gone is gone: nothing makes it again but a start."""
    sentence = _("It was removed outside of this console. Start makes it again from what is written here.")
    VirtualMachine.objects.filter(uid=vm.uid).update(
        spec_power=Power.OFF, status_fault=sentence, status_fault_reason="MachineVanished"
    )
    vm.status_fault, vm.status_fault_reason, vm.spec_power = sentence, "MachineVanished", Power.OFF
    record_seen(vm, None)
    if operation:
        operations.fail(operation, sentence, reason="MachineVanished")
    return None


@transaction.atomic
def give_up(
    vm: VirtualMachine, operation: Operation, *, sentence: str = "", reason: str = "", detail: str = "",
    cancelled: bool = False,
) -> None:  # fmt: skip
    """End the operation and withdraw its wish: a start that failed must not come true at three in the morning.

    What the owner declared stays, a machine whose create was cancelled is deleted if it never ran, and one that would
    not stop, or was not to, is out of the trash again: nothing that runs is out of sight.
    """
    if cancelled:
        operations.cancelled(operation)
    else:
        sentence, reason = sentence or _timeout(operation), reason or "Timeout"
        operations.fail(operation, sentence, reason=reason, detail=detail)
    if operation.verb == Verb.CREATE and cancelled and not vm.made:
        VirtualMachine.objects.filter(uid=vm.uid).update(deletion_requested_at=timezone.now())
    elif operation.verb == Verb.EDIT and "before" in operation.data and vm.generation != vm.observed_generation:
        take_back(vm, operation.data["before"])
    elif operation.verb == Verb.TRASH:
        take_out(vm, operation.data.get("power_before", ""))
    elif not vm.declared and operation.verb not in (Verb.DELETE, Verb.PURGE):
        power = Power.OFF if vm.is_off else Power(vm.status_power)
        fault = ("", "") if cancelled else (sentence, reason)
        VirtualMachine.objects.filter(uid=vm.uid).update(
            spec_power=power, status_fault=fault[0], status_fault_reason=fault[1]
        )
    vm.refresh_from_db()
    tell(vm)
    loop.enqueue(KIND, vm.uid)


def _timeout(operation: Operation) -> str:
    minutes = int((operation.deadline_at - operation.created_at).total_seconds() // 60)
    return _("It did not happen within %(minutes)s minutes.") % {"minutes": minutes}


@transaction.atomic
def adopt(
    vm: VirtualMachine, operation: Operation, seen: MachineSeen | None, runtime: RuntimeConnection
) -> float | None:
    """Make a machine from outside one of ours: mark it, and write down the hardware it has."""
    if seen is None or seen.spec is None:
        operations.fail(operation, _("It cannot be read, or it is gone."), reason="MachineVanished")
        return None
    namespace, name = operation.data["namespace"], operation.data["name"]
    runtime.machines.adopt(vm.uid, namespace)
    power = Power.OFF if seen.power in OFF else seen.power
    VirtualMachine.objects.filter(uid=vm.uid).update(namespace=namespace, name=name, managed=True, spec_power=power)
    vm.refresh_from_db()
    tell(vm, "DELETED")
    take_over(vm, seen.spec)
    remember(vm, Actor(**operation.actor), operation_uid=operation.uid)
    again = runtime.machines.get(vm.uid)
    VirtualMachine.objects.filter(uid=vm.uid).update(
        observed_generation=vm.generation, status_applied_revision=again.revision if again else ""
    )
    vm.refresh_from_db()
    tell(vm, "ADDED")
    operations.finish(operation)
    return 0.0


def take_over(vm: VirtualMachine, spec: MachineSpec) -> None:
    """Make what the runtime has the wish: compute, disks where they lie, and cards with their MACs."""
    vm.disks.all().delete()
    vm.interfaces.all().delete()
    boot = next((disk.name for disk in spec.disks if disk.boot), spec.disks[0].name if spec.disks else "")
    for position, disk in enumerate(spec.disks):
        name = _known_disk(vm, disk)
        MachineDisk.objects.create(
            machine=vm, position=position, disk_name=name, boot=disk.name == boot, driver=disk.bus, cdrom=disk.cdrom,
            read_only=disk.read_only and not disk.cdrom, ejected=disk.cdrom and not (disk.volume or disk.location),
        )  # fmt: skip
    networks = {network.name: network for network in Network.objects.all()}
    for position, nic in enumerate(spec.nics):
        if nic.network in networks and not vm.interfaces.filter(network_name=nic.network).exists():
            MachineInterface.objects.create(
                machine=vm, position=position, name=nic.name[:15], network_name=nic.network, mac_address=nic.mac,
                default=position == 0, model=nic.model if nic.model in CARD_MODELS else "virtio",
            )  # fmt: skip
    VirtualMachine.objects.filter(uid=vm.uid).update(
        spec_type_name="",
        spec_vcpus=spec.vcpus,
        spec_memory=f"{spec.memory_bytes // 1024}Ki",
        spec_memory_bytes=spec.memory_bytes,
        spec_compute={"machineChipSet": spec.chipset} if spec.chipset in ("q35", "pc") else {},
        spec_firmware={"bootloader": {"type": spec.firmware.value, "enableSecureBoot": spec.secure_boot}}
        if spec.firmware == "uefi"
        else {},
        spec_os_type=spec.os_type if spec.os_type in ("Linux", "Windows") else "",
    )
    vm.refresh_from_db()
    vm.refresh_from_db()
    from inventory.manifests import spec_of

    attach_existing(vm, spec_of(vm))


def _known_disk(vm: VirtualMachine, disk: DiskSpec) -> str:
    """The name of the VirtualMachineDisk that stands for this disk, made where there is none yet."""
    if disk.volume:
        known = VirtualMachineDisk.objects.filter(uid=disk.volume).first()
        if known:
            return known.name
    if not disk.location:
        return disk.name
    row: VirtualMachineDisk = storage.register_location(
        vm.namespace, f"{vm.name}-{disk.name}", disk.location, disk.format
    )
    return row.name

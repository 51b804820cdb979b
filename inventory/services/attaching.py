"""Who holds which disk: the bookkeeping between machines and the storage app, which knows nothing of machines."""

from __future__ import annotations

from inventory.models import VirtualMachine
from inventory.schema import VirtualMachineSpec
from storage import services as storage
from storage.models import Attachment, VirtualMachineDisk


def attach_existing(vm: VirtualMachine, spec: VirtualMachineSpec) -> None:
    """Hold every disk of the spec that exists. Conflict, naming the holder, when another machine writes to one."""
    wanted = {disk.virtual_machine_disk_name: disk for disk in spec.disks}
    for disk in VirtualMachineDisk.objects.filter(namespace=vm.namespace, name__in=wanted, deletion_requested_at=None):
        attachment = wanted[disk.name]
        read_only = attachment.read_only or attachment.cdrom is not None
        storage.attach(disk, machine_uid=vm.uid, machine_name=vm.name, read_only=read_only)


def detach_absent(vm: VirtualMachine) -> None:
    """Let go of disks that the machine no longer lists."""
    kept = vm.disks.values_list("disk_name", flat=True)
    held = Attachment.objects.filter(machine_uid=vm.uid).exclude(disk__name__in=list(kept))
    for attachment in held.select_related("disk"):
        storage.detach(attachment.disk, machine_uid=vm.uid)


def detach_all(vm: VirtualMachine) -> None:
    for attachment in Attachment.objects.filter(machine_uid=vm.uid).select_related("disk"):
        storage.detach(attachment.disk, machine_uid=vm.uid)

"""Who holds which disk and which card: the bookkeeping between machines and the apps that know nothing of machines."""

from __future__ import annotations

from inventory.models import VirtualMachine
from inventory.schema import VirtualMachineSpec
from networking.models import Network
from networking.services import claim_interface
from storage import services as storage
from storage.models import Attachment, VirtualMachineDisk


def attach_existing(vm: VirtualMachine, spec: VirtualMachineSpec) -> None:
    """Hold every disk of the spec that exists. Conflict, naming the holder, when another machine writes to one."""
    wanted = {disk.virtual_machine_disk_name: disk for disk in spec.disks}
    if not wanted:
        return
    known = VirtualMachineDisk.objects.filter(namespace=vm.namespace, name__in=wanted, deletion_requested_at=None)
    for disk in known.order_by():
        attachment = wanted[disk.name]
        read_only = attachment.read_only or attachment.cdrom is not None
        storage.attach(disk, machine_uid=vm.uid, machine_name=vm.name, read_only=read_only)


def claim_existing(vm: VirtualMachine, spec: VirtualMachineSpec) -> None:
    """Take the MACs and addresses that were asked for by name. Conflict when one of them is somebody else's.

    Cards that take any are left to the loop, which chooses again when another was quicker.
    """
    wanted = {card.network_name: card for card in spec.interfaces if card.mac_address or card.ip_addresses}
    if not wanted:
        return
    for network in Network.objects.filter(name__in=wanted, deletion_requested_at=None):
        card = wanted[network.name]
        claim_interface(
            namespace=vm.namespace, machine_uid=vm.uid, machine_name=vm.name, card_name=card.name, network=network,
            mac=card.mac_address or "", addresses=card.ip_addresses,
        )  # fmt: skip


def detach_absent(vm: VirtualMachine) -> None:
    """Let go of disks that the machine no longer lists."""
    kept = vm.disks.values_list("disk_name", flat=True)
    held = Attachment.objects.filter(machine_uid=vm.uid).exclude(disk__name__in=list(kept))
    for attachment in held.select_related("disk"):
        storage.detach(attachment.disk, machine_uid=vm.uid)


def detach_all(vm: VirtualMachine) -> None:
    for attachment in Attachment.objects.filter(machine_uid=vm.uid).select_related("disk"):
        storage.detach(attachment.disk, machine_uid=vm.uid)

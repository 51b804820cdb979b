"""From a machine's rows, and the disks, networks, types and secrets they name, to what a runtime is asked for.

A name that leads nowhere is no error here: the machine waits with the reason, and goes on by itself once the thing
appears. So `assemble` returns either a complete spec or what is in the way.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inventory.models import MachineDisk, VirtualMachine, VirtualMachineType
from inventory.usage import USUAL_MEMORY_BYTES, USUAL_VCPUS
from networking.models import Network, NetworkInterface
from networking.services import claim_interface
from storage.models import VirtualMachineDisk
from vmconsole.access import secrets
from vmconsole.access.errors import Refused
from vmconsole.runtime.types import Bus, CloudInit, DiskSpec, Firmware, MachineSpec, NicSpec, Phase

# Why a card was refused, where that has a way out of its own.
CARD_REFUSALS = ("MacAddressInUse", "AddressInUse", "NetworkFull")


@dataclass(frozen=True, slots=True)
class Assembled:
    """`spec` None: something is in the way, one of the others says what, and `about` is its name."""

    spec: MachineSpec | None = None
    missing: tuple[str, str] = ("", "")
    disk_waiting: str = ""
    disk_failed: str = ""
    about: str = ""
    percent: float | None = None
    networks: tuple[Network, ...] = ()


class InTheWay(Exception):
    """Carries an Assembled without a spec out of the parts below."""

    def __init__(self, **what: Any) -> None:
        super().__init__()
        self.assembled = Assembled(**what)


def assemble(vm: VirtualMachine) -> Assembled:
    try:
        vcpus, memory_bytes = compute(vm)
        disks = tuple(_disks(vm))
        cards = list(_interfaces(vm))
        seed = _cloud_init(vm)
    except InTheWay as obstacle:
        return obstacle.assembled
    bootloader = vm.spec_firmware.get("bootloader") or {}
    firmware = Firmware(bootloader.get("type", "bios"))
    spec = MachineSpec(
        uid=vm.uid,
        namespace=vm.namespace,
        name=vm.name,
        vcpus=vcpus,
        memory_bytes=memory_bytes,
        disks=disks,
        nics=tuple(nic for nic, _network in cards),
        chipset=vm.spec_compute.get("machineChipSet") or "q35",
        firmware=firmware,
        secure_boot=firmware is Firmware.UEFI and bootloader.get("enableSecureBoot") is not False,
        smbios_uuid=vm.spec_firmware.get("uuid", ""),
        smbios_serial=vm.spec_firmware.get("serial", ""),
        os_type=vm.spec_os_type or "Linux",
        cloud_init=seed,
    )
    return Assembled(spec, networks=tuple(network for _nic, network in cards))


def compute(vm: VirtualMachine) -> tuple[int, int]:
    """vCPUs and memory in bytes, from the type or from the machine itself."""
    if not vm.spec_type_name:
        return vm.spec_vcpus or USUAL_VCPUS, vm.spec_memory_bytes or USUAL_MEMORY_BYTES
    shape = VirtualMachineType.objects.filter(name=vm.spec_type_name).first()
    if shape is None:
        sentence = _("There is no machine type %(name)s.") % {"name": vm.spec_type_name}
        raise InTheWay(missing=("MachineTypeNotFound", sentence), about=vm.spec_type_name)
    return shape.spec_vcpus, shape.spec_memory_bytes


def _disks(vm: VirtualMachine) -> list[DiskSpec]:
    rows = list(vm.disks.all())
    named = VirtualMachineDisk.objects.filter(namespace=vm.namespace, name__in=[row.disk_name for row in rows])
    found = {disk.name: disk for disk in named}
    return [_disk(row, found.get(row.disk_name)) for row in rows]


def _disk(row: MachineDisk, disk: VirtualMachineDisk | None) -> DiskSpec:
    if disk is None or disk.deletion_requested_at:
        sentence = _("There is no disk %(name)s in this namespace.") % {"name": row.disk_name}
        raise InTheWay(missing=("MachineDiskNotFound", sentence), about=row.disk_name)
    if disk.status_phase == Phase.FAILED:
        sentence = _("Disk %(name)s could not be made: %(why)s")
        raise InTheWay(disk_failed=sentence % {"name": row.disk_name, "why": disk.status_message}, about=row.disk_name)
    if disk.status_phase != Phase.SUCCEEDED:
        sentence = _("Disk %(name)s is being made.") % {"name": row.disk_name}
        raise InTheWay(disk_waiting=sentence, percent=disk.status_percent, about=row.disk_name)
    bus = Bus.SATA if row.cdrom and row.driver == "virtio" else Bus(row.driver)
    return DiskSpec(
        name=row.disk_name,
        volume=None if row.ejected or disk.location else disk.uid,
        location="" if row.ejected else disk.location,
        bus=bus,
        boot=row.boot,
        read_only=row.read_only or row.cdrom,
        cdrom=row.cdrom,
    )


def _interfaces(vm: VirtualMachine) -> list[tuple[NicSpec, Network]]:
    rows = list(vm.interfaces.all())
    networks = {
        network.name: network for network in Network.objects.filter(name__in=[row.network_name for row in rows])
    }
    cards = []
    for row in rows:
        network = networks.get(row.network_name)
        if network is None or network.deletion_requested_at:
            sentence = _("There is no network %(name)s.") % {"name": row.network_name}
            raise InTheWay(missing=("NetworkNotFound", sentence), about=row.network_name)
        card = interface(vm, row.name, network, row.mac_address, row.ip_addresses)
        nic = NicSpec(
            name=row.name,
            network=network.name,
            mac=card.mac_address,
            bridge=network.spec_interface if network.spec_mode == "bridge" else "",
            addresses=(card.ip_address,) if card.ip_address else (),
            model=row.model,
        )
        cards.append((nic, network))
    return cards


def interface(vm: VirtualMachine, name: str, network: Network, mac: str, addresses: list[str]) -> NetworkInterface:
    try:
        return claim_interface(
            namespace=vm.namespace, machine_uid=vm.uid, machine_name=vm.name, card_name=name, network=network,
            mac=mac, addresses=addresses,
        )  # fmt: skip
    except Refused as refusal:
        reason = refusal.reason if refusal.reason in CARD_REFUSALS else "InterfaceCreationFailed"
        raise InTheWay(missing=(reason, refusal.public), about=network.name) from refusal


def _cloud_init(vm: VirtualMachine) -> CloudInit | None:
    seed = vm.spec_cloud_init.get("noCloud")
    if not seed:
        return None
    return CloudInit(
        instance_id=str(vm.uid),
        hostname=vm.name.split(".")[0],
        user_data=_seed_part(vm, seed, "userData", "secretRef"),
        network_data=_seed_part(vm, seed, "networkData", "networkDataSecretRef"),
    )


def _seed_part(vm: VirtualMachine, seed: dict[str, Any], key: str, reference: str) -> str:
    """User or network data out of the Secret it is kept in; Secrets may spell the key in lower case."""
    name = (seed.get(reference) or {}).get("name")
    if not name:
        return ""
    data = secrets.reveal(vm.namespace, name)
    body = None if data is None else data.get(key, data.get(key.lower()))
    if body is None:
        sentence = _("Secret %(name)s is not there or has no %(key)s.") % {"name": name, "key": key}
        raise InTheWay(missing=("ReferencedSecretDataNotFound", sentence), about=name)
    return body


def decoded(text: str, encoded: str) -> str:
    """The body of an inline field that may have come as base64. ValueError when it is no base64 or no text."""
    if not encoded:
        return text
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error

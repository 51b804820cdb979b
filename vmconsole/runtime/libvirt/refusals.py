"""What can be no machine on libvirt, said before libvirt says it in its own words.

The services' rules keep people from most of it with better sentences; these hold for every caller of the driver.
"""

from __future__ import annotations

import re

from vmconsole.runtime.errors import Rejected, Unsupported
from vmconsole.runtime.types import Bus, DiskSpec, Firmware, MachineSpec, NicSpec

# libvirt keeps each definition in a file of that name, and a socket's folder too.
NAME_LENGTH = 200
CHIPSETS = re.compile(r"q35|pc|pc-(q35|i440fx)-[\w.]+")
MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", re.IGNORECASE)
MODEL = re.compile(r"[A-Za-z0-9_-]+")
LEAST_MEMORY = 1 << 20


def refuse_nonsense(spec: MachineSpec) -> None:
    """Raise Rejected with what to change."""
    if "/" in spec.name + spec.namespace or any(letter in "\r\n" for letter in spec.name + spec.namespace):
        raise Rejected("A machine's name cannot have slashes or line ends.", reason="BadName")
    if len(f"{spec.namespace}_{spec.name}".encode()) > NAME_LENGTH:
        raise Rejected(f"The name is too long: at most {NAME_LENGTH} bytes with its namespace.", reason="BadName")
    if spec.memory_bytes < LEAST_MEMORY or spec.vcpus < 1:
        raise Rejected("A machine needs memory and at least one CPU.", reason="TooSmall")
    _firmware(spec)
    for disk in spec.disks:
        _disk(disk)
    for nic in spec.nics:
        _nic(nic)
    _once("disks", "the name", [disk.name for disk in spec.disks])
    _once("cards", "the MAC address", [nic.mac.lower() for nic in spec.nics])
    if sum(disk.boot for disk in spec.disks) > 1:
        raise Rejected("Two disks are marked as boot disk. Choose one.", reason="TwoBootDisks")


def refuse_chipset(spec: MachineSpec) -> None:
    """Of a new machine only: an adopted one keeps what it has."""
    if not CHIPSETS.fullmatch(spec.chipset):
        raise Rejected(f"There is no chipset {spec.chipset!r} here. Choose q35 or pc.", reason="BadChipset")


def _firmware(spec: MachineSpec) -> None:
    if spec.smbios_uuid and spec.smbios_uuid.lower() != str(spec.uid):
        raise Unsupported(
            "On libvirt a machine's firmware UUID is its own UUID; another one cannot be given.", reason="FirmwareUuid"
        )
    if spec.secure_boot and spec.firmware is not Firmware.UEFI:
        raise Rejected("Secure Boot needs UEFI firmware. Choose UEFI or turn Secure Boot off.", reason="SecureBoot")
    if spec.secure_boot and "q35" not in spec.chipset:
        raise Rejected("Secure Boot needs the chipset q35.", reason="SecureBoot")


def _disk(disk: DiskSpec) -> None:
    if not (disk.volume or disk.location or disk.cdrom):
        raise Rejected(f"Disk {disk.name} names no volume. Choose one.", reason="DiskMissing")
    if disk.volume and disk.read_only and not disk.cdrom and disk.bus is Bus.SATA:
        raise Rejected(f"Disk {disk.name} cannot be read-only on SATA. Choose virtio or SCSI.", reason="ReadOnlySata")


def _nic(nic: NicSpec) -> None:
    if not MAC.fullmatch(nic.mac):
        raise Rejected(f"{nic.mac!r} is no MAC address of a single card.", reason="BadMac")
    if not MODEL.fullmatch(nic.model):
        raise Rejected(f"There is no model of card {nic.model!r}. Choose virtio or e1000.", reason="BadModel")


def _once(things: str, what: str, values: list[str]) -> None:
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise Rejected(f"Two {things} have {what} {twice}. Give each its own.", reason="GivenTwice")

"""What a running machine has otherwise than asked: it waits for the next start, and can be taken back line by line.

Taking back is an edit like any other: the wish becomes again what the machine runs with. Of a disk or a card only its
name is seen in the running machine, so how it was plugged in comes from the last configuration that had it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inventory.configuring import set_firmware
from inventory.models import MachineVersion, VirtualMachine, VirtualMachineType
from vmconsole.runtime.quantities import format_quantity

Manifest = dict[str, Any]
# What `status_running` calls them -> the list in the manifest's spec, and the field that names one in it.
DEVICES = {"disks": ("disks", "virtualMachineDiskName"), "cards": ("interfaces", "networkName")}


@dataclass(frozen=True, slots=True)
class Waiting:
    field: str  # `memory`, or `disks:web-1-data` for one device
    label: str
    now: str
    next: str


def pending(vm: VirtualMachine) -> list[Waiting]:
    """What it runs with and what its next start brings, where they differ."""
    if vm.is_off or not vm.status_running:
        return []
    return [*_hardware(vm), *_devices(vm)]


def taken_back(vm: VirtualMachine, now: Manifest, field: str) -> Manifest | None:
    """The manifest with one waiting field as the machine runs with it; None: it does not wait."""
    if field not in {each.field for each in pending(vm)}:
        return None
    has, spec = vm.status_running, {**now["spec"]}
    compute, (kind, _colon, name) = {**spec.get("compute", {})}, field.partition(":")
    if kind in DEVICES:
        spec[DEVICES[kind][0]] = _devices_as_they_run(vm, spec, kind, name)
    elif kind == "chipset":
        spec["compute"] = {**compute, "machineChipSet": has["chipset"]}
    elif kind in ("vcpus", "memory"):
        vcpus, memory = wished_size(vm)
        vcpus, memory = (has["vcpus"], memory) if kind == "vcpus" else (vcpus, has["memory_bytes"])
        compute.pop("virtualMachineTypeName", None)
        size = {"cpu": {"vcpus": vcpus}, "memory": {"capacity": format_quantity(memory or has["memory_bytes"])}}
        spec["compute"] = {**compute, **size}
    else:
        set_firmware(spec, has["firmware"], secure_boot=has["secure_boot"])
    return {**now, "spec": spec}


def wished_size(vm: VirtualMachine) -> tuple[int | None, int | None]:
    """vCPUs and bytes of memory, its own or its type's."""
    shape = VirtualMachineType.objects.filter(name=vm.spec_type_name).first() if vm.spec_type_name else None
    vcpus = vm.spec_vcpus or (shape.spec_vcpus if shape else None)
    return vcpus, vm.spec_memory_bytes or (shape.spec_memory_bytes if shape else None)


def _hardware(vm: VirtualMachine) -> Iterator[Waiting]:
    has, (vcpus, memory) = vm.status_running, wished_size(vm)
    bootloader = vm.spec_firmware.get("bootloader", {})
    firmware = bootloader.get("type", "bios")
    secure = firmware == "uefi" and bootloader.get("enableSecureBoot") is not False
    chipset = vm.spec_compute.get("machineChipSet") or "q35"
    rows: tuple[tuple[str, str, Any, Callable[[Any], str]], ...] = (
        ("vcpus", _("vCPUs"), vcpus, str),
        ("memory", _("Memory"), memory, format_quantity),
        ("firmware", _("Firmware"), firmware, str.upper),
        ("secure_boot", _("Secure Boot"), secure, _on_or_off),
        ("chipset", _("Chipset"), chipset, str),
    )
    keys = {"memory": "memory_bytes"}
    for field, label, then, say in rows:
        now = has[keys.get(field, field)]
        if then is not None and now != then:
            yield Waiting(field, label, say(now), say(then))


def _devices(vm: VirtualMachine) -> Iterator[Waiting]:
    """A line for each that was plugged in or out. Their order says nothing: what came while it ran comes last."""
    labels = {"disks": _("Disk %(name)s"), "cards": _("Card in %(name)s")}
    wished = {
        "disks": {disk.disk_name for disk in vm.disks.all()},
        "cards": {card.network_name for card in vm.interfaces.all()},
    }
    for kind, then in wished.items():
        now = set(vm.status_running[kind])
        for name in sorted(now ^ then):
            words = (_("plugged in"), "–") if name in now else ("–", _("plugged in"))
            yield Waiting(f"{kind}:{name}", labels[kind] % {"name": name}, *words)


def _devices_as_they_run(vm: VirtualMachine, spec: Manifest, kind: str, name: str) -> list[Manifest]:
    """The manifest's list without what waits to come, or again with what waits to go."""
    part, named = DEVICES[kind]
    devices = list(spec.get(part, []))
    if name not in vm.status_running[kind]:
        return [device for device in devices if device[named] != name]
    versions = MachineVersion.objects.filter(machine=vm).order_by("-number").values_list("manifest", flat=True)
    kept = (device for manifest in versions.iterator() for device in manifest.get("spec", {}).get(part, []))
    before = next((device for device in kept if device[named] == name), None)
    return [*devices, before or {named: name, **({"name": _free_name(devices)} if kind == "cards" else {})}]


def _free_name(cards: list[Manifest]) -> str:
    taken = {card["name"] for card in cards}
    return next(name for number in range(len(cards) + 1) if (name := f"eth{number}") not in taken)


def _on_or_off(value: bool) -> str:
    return _("on") if value else _("off")

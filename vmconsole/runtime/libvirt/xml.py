"""A machine in libvirt's words: domain XML built element by element, never from strings.

Only what we have an opinion on is said; libvirt completes the rest (addresses, controllers, machine version) and keeps
it, and `edit` changes it later. `parse` is the way back.
"""

from __future__ import annotations

import re
from string import ascii_lowercase
from uuid import UUID

from lxml import etree
from lxml.builder import E

from vmconsole.runtime.errors import Rejected
from vmconsole.runtime.libvirt import marks
from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.libvirt.refusals import refuse_chipset, refuse_nonsense
from vmconsole.runtime.types import Bus, DiskSpec, Firmware, MachineSpec, NicSpec

# What people define a bridge network of ours as: `networks.py` gives NAT networks this name on the host.
NETWORK_PREFIX = "vmconsole-"
# Free PCI Express ports for disks and cards plugged in later. Each costs some firmware time at boot; none means that
# nothing can be plugged into a running q35 machine.
SPARE_PORTS = 10
# Seconds between the guest's own memory figures. Less wakes idle guests, more makes charts lag.
BALLOON_PERIOD = 10
SERIAL_LENGTH = 20
FORBIDDEN_IN_SERIAL = re.compile(r"[^A-Za-z0-9_.+ :-]")


def read(text: str) -> etree._Element:
    """Parse XML that came from outside: no entities, no network, no DTD."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_blank_text=True
    )
    try:
        return etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise Rejected("The host's definition of the machine cannot be read.", detail=str(error)) from error


def write(element: etree._Element) -> str:
    text: str = etree.tostring(element, encoding="unicode")
    return text


def need(parent: etree._Element, path: str) -> etree._Element:
    """A child that every definition has; libvirt sees to it."""
    found = parent.find(path)
    if found is None:
        raise Rejected("The host's definition of the machine is incomplete.", detail=f"no {path}")
    return found


def drop(element: etree._Element) -> None:
    """Take an element out of its parent."""
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def build(spec: MachineSpec, places: Places) -> etree._Element:
    """The definition of a new machine."""
    refuse_chipset(spec)
    refuse_nonsense(spec)
    try:
        return _domain(spec, places)
    except ValueError as error:
        raise unspeakable(error) from error


def unspeakable(error: ValueError) -> Rejected:
    """lxml refuses control characters and surrogates: XML has no way to say them."""
    return Rejected(
        "A name or text of the machine has a character that cannot be stored. Remove control characters.",
        detail=str(error),
        reason="BadCharacter",
    )


def _domain(spec: MachineSpec, places: Places) -> etree._Element:
    accelerator, _why = places.accelerator()
    targets = targets_for(spec.disks)
    domain = E.domain(
        E.name(domain_name(spec)),
        E.uuid(str(spec.uid)),
        E.metadata(),
        E.memory(str(spec.memory_bytes), unit="b"),
        E.currentMemory(str(spec.memory_bytes), unit="b"),
        E.vcpu(str(spec.vcpus)),
        *sysinfo(spec.smbios_serial),
        operating_system(spec),
        features(spec, accelerator),
        cpu(spec.vcpus, accelerator),
        clock(spec.os_type),
        E.on_poweroff("destroy"),
        E.on_reboot("restart"),
        E.on_crash("destroy"),
        devices(spec, targets, places),
        type=DOMAIN_TYPES[accelerator],
    )
    marks.write(domain, marks_of(spec, targets))
    return domain


DOMAIN_TYPES = {"kvm": "kvm", "tcg": "qemu"}


def domain_name(spec: MachineSpec) -> str:
    return f"{spec.namespace}_{spec.name}"


def marks_of(spec: MachineSpec, targets: dict[str, str]) -> marks.Marks:
    seed = spec.cloud_init
    return marks.Marks(
        namespace=spec.namespace,
        name=spec.name,
        os_type=spec.os_type,
        smbios_uuid=spec.smbios_uuid,
        instance_id=seed.instance_id if seed else "",
        hostname=seed.hostname if seed else "",
        seeded=seed is not None,
        disks={target: name for name, target in targets.items()},
        nics={nic.mac.lower(): marks.NicMark(nic.name, nic.network, nic.addresses) for nic in spec.nics},
    )


# --- the machine around the devices --------------------------------------------------------------------------------


def sysinfo(serial: str) -> list[etree._Element]:
    if not serial:
        return []
    return [E.sysinfo(E.system(E.entry(serial, name="serial")), type="smbios")]


def operating_system(spec: MachineSpec) -> etree._Element:
    element = E.os(E.type("hvm", arch="x86_64", machine=spec.chipset))
    set_firmware(element, spec.firmware, secure=spec.secure_boot)
    if spec.smbios_serial:
        element.append(E.smbios(mode="sysinfo"))
    return element


def set_firmware(element: etree._Element, firmware: Firmware, *, secure: bool) -> None:
    """Ask for firmware by what it must do; libvirt picks the files and makes the NVRAM."""
    for old in element.xpath("firmware|loader|nvram"):
        element.remove(old)
    element.attrib.pop("firmware", None)
    if firmware is Firmware.BIOS:
        return
    element.set("firmware", "efi")
    yes = "yes" if secure else "no"
    element.insert(
        1, E.firmware(E.feature(enabled=yes, name="enrolled-keys"), E.feature(enabled=yes, name="secure-boot"))
    )
    if secure:
        element.insert(2, E.loader(secure="yes"))


def features(spec: MachineSpec, accelerator: str) -> etree._Element:
    element = E.features(E.acpi(), E.apic())
    if spec.secure_boot:
        element.append(E.smm(state="on"))
    if spec.os_type == "Windows" and accelerator == "kvm":
        element.append(
            E.hyperv(E.relaxed(state="on"), E.vapic(state="on"), E.spinlocks(state="on", retries="8191"), mode="custom")
        )
    return element


def cpu(vcpus: int, accelerator: str) -> etree._Element:
    topology = E.topology(sockets="1", dies="1", cores=str(vcpus), threads="1")
    if accelerator == "kvm":
        return E.cpu(topology, mode="host-passthrough", check="none", migratable="on")
    return E.cpu(topology, mode="maximum", check="none")


def clock(os_type: str) -> etree._Element:
    if os_type == "Windows":
        return E.clock(
            E.timer(name="rtc", tickpolicy="catchup"), E.timer(name="hpet", present="no"), offset="localtime"
        )
    return E.clock(offset="utc")


# --- devices ---------------------------------------------------------------------------------------------------------


def devices(spec: MachineSpec, targets: dict[str, str], places: Places) -> etree._Element:
    orders = boot_orders(spec.disks)
    element = E.devices()
    if "q35" in spec.chipset:
        element.append(E.controller(type="pci", model="pcie-root"))
        ports = SPARE_PORTS + 6 + len(spec.nics) + sum(disk.bus is Bus.VIRTIO for disk in spec.disks)
        element.extend(E.controller(type="pci", model="pcie-root-port") for _ in range(ports))
    element.append(E.controller(type="usb", model="qemu-xhci"))
    element.append(E.controller(type="scsi", index="0", model="virtio-scsi"))
    element.extend(disk(d, targets[d.name], places, order=orders.get(d.name)) for d in spec.disks)
    if spec.cloud_init:
        element.append(seed(spec.uid, spec.os_type, free_target("sd", set(targets.values())), places))
    element.extend(nic(card) for card in spec.nics)
    element.append(
        E.serial(
            E.source(mode="bind", path=str(places.serial(spec.uid))),
            E.log(file=str(places.serial_log(spec.uid)), append="on"),
            E.target(port="0"),
            type="unix",
        )
    )
    element.append(E.channel(E.target(type="virtio", name="org.qemu.guest_agent.0"), type="unix"))
    element.append(E.input(type="tablet", bus="usb"))
    element.append(E.graphics(E.listen(type="socket", socket=str(places.vnc(spec.uid))), type="vnc"))
    element.append(E.video(E.model(type="vga", vram="16384")))
    element.append(E.memballoon(E.stats(period=str(BALLOON_PERIOD)), model="virtio"))
    element.append(E.rng(E.backend("/dev/urandom", model="random"), model="virtio"))
    return element


def disk(spec: DiskSpec, target: str, places: Places, *, order: int | None) -> etree._Element:
    path = path_of(spec, places)
    element = E.disk(
        E.driver(name="qemu", type=spec.format, **({} if spec.cdrom else {"discard": "unmap"})),
        type=source_type(path),
        device="cdrom" if spec.cdrom else "disk",
    )
    if path:
        element.append(source(path))
    element.append(E.target(dev=target, bus=bus_of(spec).value))
    serial = FORBIDDEN_IN_SERIAL.sub("", spec.name)[:SERIAL_LENGTH]
    if serial.strip():
        element.append(E.serial(serial))
    if spec.read_only and not spec.cdrom:
        element.append(E.readonly())
    if order is not None:
        element.append(E.boot(order=str(order)))
    return element


def path_of(spec: DiskSpec, places: Places) -> str:
    return str(places.volume(spec.volume)) if spec.volume else spec.location


def source_type(path: str) -> str:
    return "block" if path.startswith("/dev/") else "file"


def source(path: str) -> etree._Element:
    return E.source(dev=path) if source_type(path) == "block" else E.source(file=path)


def seed(uid: UUID, os_type: str, target: str, places: Places) -> etree._Element:
    """cloud-init's CD-ROM. Small Linux images have a driver for virtio-scsi and none for SATA; Windows the reverse."""
    return E.disk(
        E.driver(name="qemu", type="raw"),
        E.source(file=str(places.seed(uid))),
        E.target(dev=target, bus="sata" if os_type == "Windows" else "scsi"),
        E.readonly(),
        type="file",
        device="cdrom",
    )


def nic(spec: NicSpec) -> etree._Element:
    source = E.source(bridge=spec.bridge) if spec.bridge else E.source(network=NETWORK_PREFIX + spec.network)
    return E.interface(
        E.mac(address=spec.mac),
        source,
        E.model(type=spec.model),
        type="bridge" if spec.bridge else "network",
    )


# --- names of devices ------------------------------------------------------------------------------------------------


def bus_of(spec: DiskSpec) -> Bus:
    """The bus it really gets: there is no virtio CD-ROM."""
    return Bus.SATA if spec.cdrom and spec.bus is Bus.VIRTIO else spec.bus


PREFIXES = {Bus.VIRTIO: "vd", Bus.SATA: "sd", Bus.SCSI: "sd"}


def targets_for(disks: tuple[DiskSpec, ...], taken: frozenset[str] = frozenset()) -> dict[str, str]:
    """A target (vda, sda …) for each disk, in order."""
    used = set(taken)
    targets: dict[str, str] = {}
    for spec in disks:
        targets[spec.name] = free_target(PREFIXES[bus_of(spec)], used)
        used.add(targets[spec.name])
    return targets


def free_target(prefix: str, used: set[str]) -> str:
    for first in ["", *ascii_lowercase]:
        for letter in ascii_lowercase:
            name = f"{prefix}{first}{letter}"
            if name not in used:
                return name
    raise Rejected("The machine has too many disks.", reason="TooManyDisks")


def boot_orders(disks: tuple[DiskSpec, ...]) -> dict[str, int]:
    """Chosen disks first, then CD-ROMs, then the rest. 1 is given to chosen ones only: `parse` reads it as `boot`."""
    chosen = [disk.name for disk in disks if disk.boot]
    others = sorted((disk for disk in disks if not disk.boot), key=lambda disk: not disk.cdrom)
    orders = dict.fromkeys(chosen, 1)
    return orders | {disk.name: number for number, disk in enumerate(others, start=2)}

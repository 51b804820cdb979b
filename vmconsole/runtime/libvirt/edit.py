"""Change a definition in place: only what differs, everything else stays as it was found.

One way for machines of ours and adopted ones: addresses libvirt gave, devices added with virsh and other tools'
metadata survive every edit.
"""

from __future__ import annotations

from dataclasses import replace

from lxml import etree
from lxml.builder import E

from vmconsole.runtime.errors import Rejected
from vmconsole.runtime.libvirt import marks, parse, xml
from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.libvirt.refusals import refuse_nonsense
from vmconsole.runtime.types import DiskSpec, MachineSpec, NicSpec


def change(domain: etree._Element, want: MachineSpec, places: Places) -> None:
    """Make the definition say what `want` says."""
    have = parse.spec_of(domain, places)
    if marks.read(domain) is not None:
        refuse_nonsense(want)
    try:
        _compute(domain, have, want)
        _firmware(domain, have, want)
        _serial(domain, have, want)
        targets = _disks(domain, want, places)
        _nics(domain, want)
        _seed(domain, want, places)
        _accelerator(domain, want, places)
        _marks(domain, want, targets)
    except ValueError as error:
        raise xml.unspeakable(error) from error


def _compute(domain: etree._Element, have: MachineSpec, want: MachineSpec) -> None:
    if have.memory_bytes != want.memory_bytes:
        for tag in ("memory", "currentMemory"):
            _set(domain, tag, str(want.memory_bytes), after="memory", unit="b")
    if have.vcpus != want.vcpus:
        element = _set(domain, "vcpu", str(want.vcpus), after="currentMemory")
        element.attrib.pop("current", None)
        for detailed in domain.findall("vcpus"):
            domain.remove(detailed)
        for topology in domain.findall("cpu/topology"):
            topology.attrib.update({"sockets": "1", "dies": "1", "cores": str(want.vcpus), "threads": "1"})
    if have.chipset != want.chipset:
        raise Rejected("The chipset of a machine cannot be changed. Make a new machine.", reason="Immutable")


def _set(domain: etree._Element, tag: str, text: str, *, after: str, **attributes: str) -> etree._Element:
    element = domain.find(tag)
    if element is None:
        element = etree.Element(tag)
        neighbour = domain.find(after)
        if neighbour is None:
            domain.append(element)
        else:
            neighbour.addnext(element)
    element.text = text
    element.attrib.update(attributes)
    return element


def _firmware(domain: etree._Element, have: MachineSpec, want: MachineSpec) -> None:
    if (have.firmware, have.secure_boot) == (want.firmware, want.secure_boot):
        return
    xml.set_firmware(xml.need(domain, "os"), want.firmware, secure=want.secure_boot)
    features = _set(domain, "features", "", after="os")
    for old in features.findall("smm"):
        features.remove(old)
    if want.secure_boot:
        features.append(E.smm(state="on"))


def _serial(domain: etree._Element, have: MachineSpec, want: MachineSpec) -> None:
    if have.smbios_serial == want.smbios_serial:
        return
    for entry in domain.xpath("sysinfo[@type='smbios']/system/entry[@name='serial']"):
        xml.drop(entry)
    for empty in domain.xpath("sysinfo[@type='smbios'][not(*/entry)]"):
        domain.remove(empty)
    for old in domain.xpath("os/smbios"):
        xml.drop(old)
    if want.smbios_serial:
        xml.need(domain, "os").addprevious(xml.sysinfo(want.smbios_serial)[0])
        xml.need(domain, "os").append(E.smbios(mode="sysinfo"))


def _accelerator(domain: etree._Element, want: MachineSpec, places: Places) -> None:
    """A machine of ours follows the host's verdict, so that it still starts after a move to other hardware."""
    verdict, _why = places.accelerator()
    if marks.read(domain) is None or domain.get("type") == xml.DOMAIN_TYPES[verdict]:
        return
    domain.set("type", xml.DOMAIN_TYPES[verdict])
    for old in domain.findall("cpu"):
        domain.remove(old)
    xml.need(domain, "vcpu").addnext(xml.cpu(want.vcpus, verdict))


# --- devices ---------------------------------------------------------------------------------------------------------


def _disks(domain: etree._Element, want: MachineSpec, places: Places) -> dict[str, str]:
    """Bring the disks in line; returns name -> target of all of them."""
    ours = marks.read(domain)
    seed = str(places.seed(want.uid))
    present = {parse.disk_name(e, ours): e for e in parse.disks(domain) if parse.source(e) != seed}
    wanted = {disk.name: disk for disk in want.disks}
    for name, element in present.items():
        if name not in wanted or not _same_device(parse.disk_of(element, ours, places), wanted[name]):
            xml.drop(element)
    kept = {name: element for name, element in present.items() if element.getparent() is not None}
    taken = frozenset(parse.target(element) for element in domain.iterfind("devices/disk"))
    fresh = tuple(disk for disk in want.disks if disk.name not in kept)
    targets = {name: parse.target(element) for name, element in kept.items()}
    targets |= xml.targets_for(fresh, taken)
    orders = _orders(domain, want, places)
    for disk in want.disks:
        if disk.name in kept:
            _reload(kept[disk.name], disk, places)
        else:
            element = xml.disk(disk, targets[disk.name], places, order=None)
            _insert(domain, element, "disk")
            kept[disk.name] = element
        if orders is not None:
            _order(kept[disk.name], orders.get(disk.name))
    return targets


def _same_device(have: DiskSpec, want: DiskSpec) -> bool:
    """Whether it is the same drive. What lies in a CD-ROM drive may change; an adopted file is taken as it is."""
    if (have.bus, have.cdrom) != (xml.bus_of(want), want.cdrom):
        return False
    if want.cdrom:
        return True
    return (have.volume, have.location, have.read_only) == (want.volume, want.location, want.read_only)


def _reload(element: etree._Element, disk: DiskSpec, places: Places) -> None:
    """Change the medium of a drive."""
    path = xml.path_of(disk, places)
    if not disk.cdrom or path == parse.source(element):
        return
    for old in element.findall("source"):
        element.remove(old)
    element.set("type", xml.source_type(path))
    driver = element.find("driver")
    if driver is None:
        driver = etree.Element("driver", name="qemu")
        element.insert(0, driver)
    driver.set("type", disk.format)
    if path:
        driver.addnext(xml.source(path))


def _orders(domain: etree._Element, want: MachineSpec, places: Places) -> dict[str, int] | None:
    """New boot orders, or None when the chosen boot disk is the one that is chosen already."""
    have = parse.spec_of(domain, places)
    orders = xml.boot_orders(want.disks)
    if {d.name for d in have.disks if d.boot} == {d.name for d in want.disks if d.boot} and (
        {d.name for d in have.disks} == {d.name for d in want.disks}
    ):
        return None
    for legacy in domain.findall("os/boot"):  # libvirt takes one way of saying it or the other
        xml.drop(legacy)
    for element in domain.iterfind("devices/interface"):
        _order(element, None)
    return orders


def _order(element: etree._Element, order: int | None) -> None:
    for old in element.findall("boot"):
        element.remove(old)
    if order is not None:
        element.append(E.boot(order=str(order)))


def _nics(domain: etree._Element, want: MachineSpec) -> None:
    ours = marks.read(domain)
    wanted = {nic.mac.lower(): nic for nic in want.nics}
    for number, element in enumerate(parse.nics(domain)):
        have = parse.nic_of(element, ours, number)
        nic = wanted.get(have.mac)
        if nic is None or have.model != nic.model:
            xml.drop(element)
        elif plug(have) != plug(nic):
            _replug(element, nic)
    present = {parse.nic_of(element, ours, 0).mac for element in parse.nics(domain)}
    for mac, nic in wanted.items():
        if mac not in present:
            _insert(domain, xml.nic(nic), "interface")


def plug(nic: NicSpec) -> str:
    return f"bridge:{nic.bridge}" if nic.bridge else f"network:{nic.network}"


def _replug(element: etree._Element, nic: NicSpec) -> None:
    fresh = xml.nic(nic)
    element.set("type", fresh.get("type", ""))
    for old in element.xpath("source|target|portgroup|virtualport"):
        element.remove(old)
    xml.need(element, "mac").addnext(xml.need(fresh, "source"))


def _seed(domain: etree._Element, want: MachineSpec, places: Places) -> None:
    path = str(places.seed(want.uid))
    present = [element for element in parse.disks(domain) if parse.source(element) == path]
    if want.cloud_init is None:
        for element in present:
            xml.drop(element)
    elif not present:
        taken = {parse.target(element) for element in domain.iterfind("devices/disk")}
        _insert(domain, xml.seed(want.uid, want.os_type, xml.free_target("sd", taken), places), "disk")


def _insert(domain: etree._Element, element: etree._Element, tag: str) -> None:
    """After its like, so that first stays first."""
    devices = xml.need(domain, "devices")
    like = devices.findall(tag)
    if like:
        like[-1].addnext(element)
    else:
        devices.append(element)


def _marks(domain: etree._Element, want: MachineSpec, targets: dict[str, str]) -> None:
    """Only on machines that are ours: `adopt` is the one way to become so."""
    if marks.read(domain) is None:
        return
    fresh = xml.marks_of(want, targets)
    if marks.read(domain) != fresh:
        marks.write(domain, fresh)


def adopted(domain: etree._Element, namespace: str, places: Places) -> marks.Marks:
    """The marks of a machine made outside that becomes ours: its devices keep the names they are shown under."""
    spec = parse.spec_of(domain, places)
    named = {disk.name: disk.name for disk in spec.disks}  # a disk without marks is named after its target
    return xml.marks_of(replace(spec, namespace=namespace), named)

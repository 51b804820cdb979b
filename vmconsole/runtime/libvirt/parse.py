"""From domain XML to our words, as far as they go.

What the XML shows wins over our marks, which only give names; so a definition changed with virsh is read as it is. A
machine made outside is read the same way, with names taken from its devices.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from uuid import UUID

from lxml import etree

from vmconsole.runtime.libvirt import marks
from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.libvirt.xml import NETWORK_PREFIX, need, read
from vmconsole.runtime.types import Bus, CloudInit, DiskSpec, Firmware, MachineSpec, NicSpec, Screen

UNITS = {"b": 1, "bytes": 1, "KB": 1000, "k": 1024, "KiB": 1024, "M": 1024**2, "MB": 1000**2, "MiB": 1024**2}
UNITS |= {"G": 1024**3, "GB": 1000**3, "GiB": 1024**3, "T": 1024**4, "TB": 1000**4, "TiB": 1024**4}
BUSES = {bus.value: bus for bus in Bus}


# A definition seldom changes and is looked at every few seconds; the text is the key, so nothing can go stale. As many
# as a host can run; one holds some kilobytes.
@lru_cache(maxsize=2048)
def machine(text: str, places: Places) -> MachineSpec:
    return spec_of(read(text), places)


@lru_cache(maxsize=2048)
def revision(text: str) -> str:
    """A fingerprint of a persistent definition. Running does not change it: libvirt keeps what it gives a running
    machine (ids, paths, ports) out of that one."""
    canonical = etree.tostring(read(text), method="c14n2", strip_text=True)
    return hashlib.sha256(canonical).hexdigest()[:16]


def spec_of(domain: etree._Element, places: Places) -> MachineSpec:
    ours = marks.read(domain)
    uid = UUID(domain.findtext("uuid", ""))
    seed = places.seed(uid)
    return MachineSpec(
        uid=uid,
        namespace=ours.namespace if ours else "",
        name=ours.name if ours else domain.findtext("name", ""),
        vcpus=int(domain.findtext("vcpu", "1")),
        memory_bytes=memory(domain.find("memory")),
        disks=tuple(disk_of(element, ours, places) for element in disks(domain) if source(element) != str(seed)),
        nics=tuple(nic_of(element, ours, number) for number, element in enumerate(nics(domain))),
        chipset=chipset(domain),
        firmware=firmware(domain),
        secure_boot=secure_boot(domain),
        smbios_uuid=ours.smbios_uuid if ours else "",
        smbios_serial=domain.findtext("sysinfo/system/entry[@name='serial']", ""),
        os_type=ours.os_type if ours else "Linux",
        cloud_init=CloudInit(ours.instance_id, ours.hostname) if ours and ours.seeded else None,
    )


def memory(element: etree._Element | None) -> int:
    if element is None:
        return 0
    return int(element.text or 0) * UNITS.get(element.get("unit", "KiB"), 1024)


def chipset(domain: etree._Element) -> str:
    """pc-q35-7.2 is a q35: the version is libvirt's business and must not look like a change."""
    version = need(domain, "os/type").get("machine", "")
    if "q35" in version:
        return "q35"
    return "pc" if version == "pc" or version.startswith("pc-i440fx") else version


def firmware(domain: etree._Element) -> Firmware:
    loader = domain.find("os/loader")
    pflash = loader is not None and loader.get("type") == "pflash"
    return Firmware.UEFI if pflash or need(domain, "os").get("firmware") == "efi" else Firmware.BIOS


def secure_boot(domain: etree._Element) -> bool:
    loader = domain.find("os/loader")
    return loader is not None and loader.get("secure") == "yes"


# --- devices ---------------------------------------------------------------------------------------------------------


def disks(domain: etree._Element) -> list[etree._Element]:
    return [disk for disk in domain.iterfind("devices/disk") if disk.get("device", "disk") in ("disk", "cdrom")]


def nics(domain: etree._Element) -> list[etree._Element]:
    return domain.findall("devices/interface")


def target(disk: etree._Element) -> str:
    element = disk.find("target")
    return "" if element is None else element.get("dev", "")


def source(disk: etree._Element) -> str:
    """Where a disk's bytes are: a path, or for network storage something to tell it by."""
    element = disk.find("source")
    if element is None:
        return ""
    path = element.get("file") or element.get("dev") or element.get("dir")
    return path or ":".join(element.get(key, "") for key in ("protocol", "pool", "volume", "name") if element.get(key))


def disk_name(disk: etree._Element, ours: marks.Marks | None) -> str:
    dev = target(disk)
    named = ours.disks.get(dev) if ours else None
    return named or dev


def disk_of(disk: etree._Element, ours: marks.Marks | None, places: Places) -> DiskSpec:
    path = source(disk)
    volume = places.volume_of(path)
    driver, boot, bus = disk.find("driver"), disk.find("boot"), disk.find("target")
    cdrom = disk.get("device") == "cdrom"
    return DiskSpec(
        name=disk_name(disk, ours),
        volume=volume,
        location="" if volume else path,
        format="raw" if driver is None else driver.get("type", "raw"),
        bus=BUSES.get("" if bus is None else bus.get("bus", ""), Bus.SATA),
        boot=boot is not None and boot.get("order") == "1",
        read_only=cdrom or disk.find("readonly") is not None,
        cdrom=cdrom,
    )


def nic_of(nic: etree._Element, ours: marks.Marks | None, number: int) -> NicSpec:
    mac = _get(nic, "mac", "address").lower()
    mark = ours.nics.get(mac) if ours else None
    network = _get(nic, "source", "network").removeprefix(NETWORK_PREFIX)
    bridge = "" if network else _get(nic, "source", "bridge")
    return NicSpec(
        name=mark.name if mark else f"eth{number}",
        network=network or (mark.network if mark else "") or bridge or nic.get("type", ""),
        mac=mac,
        bridge=bridge,
        addresses=mark.addresses if mark else (),
        model=_get(nic, "model", "type") or "rtl8139",
    )


def _get(element: etree._Element, child: str, attribute: str) -> str:
    found = element.find(child)
    return "" if found is None else found.get(attribute, "")


def screen(domain: etree._Element) -> Screen:
    """Where screen and serial port listen, as far as they can be opened from outside."""
    socket, port = "", 0
    for graphics in domain.iterfind("devices/graphics[@type='vnc']"):
        port = max(int(graphics.get("port", "0")), 0)
        socket = graphics.get("socket", "") or _get(graphics, "listen[@type='socket']", "socket")
    serial = domain.find("devices/serial")
    if serial is None:
        return Screen(socket, port)
    bound = serial.get("type") == "unix" and _get(serial, "source", "mode") == "bind"
    return Screen(socket, port, _get(serial, "source", "path") if bound else "", _get(serial, "log", "file"))


def agent_connected(domain: etree._Element) -> bool:
    channel = domain.find("devices/channel/target[@name='org.qemu.guest_agent.0']")
    return channel is not None and channel.get("state") == "connected"

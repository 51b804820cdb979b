"""Our element in a domain's metadata: what domain XML has no place for.

The hardware in the XML is the truth; the marks only give names to it, keyed by what the XML itself shows (a disk's
target, a card's MAC). A mark whose device is gone is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

URI = "https://vmconsole.dev/libvirt/1"
PREFIX = "vmconsole"
TAG = f"{{{URI}}}machine"


@dataclass(frozen=True, slots=True)
class NicMark:
    name: str
    network: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    namespace: str
    name: str
    os_type: str = "Linux"
    smbios_uuid: str = ""
    instance_id: str = ""
    hostname: str = ""
    seeded: bool = False
    disks: dict[str, str] = field(default_factory=dict)  # target -> our name
    nics: dict[str, NicMark] = field(default_factory=dict)  # MAC -> …


def read(domain: etree._Element) -> Marks | None:
    """The marks of a domain; None when it was made outside."""
    element = domain.find(f"metadata/{TAG}")
    if element is None:
        return None
    seed = element.find(f"{{{URI}}}seed")
    return Marks(
        namespace=element.get("namespace", ""),
        name=element.get("name", ""),
        os_type=element.get("os", "Linux"),
        smbios_uuid=element.get("smbios-uuid", ""),
        instance_id="" if seed is None else seed.get("instance-id", ""),
        hostname="" if seed is None else seed.get("hostname", ""),
        seeded=seed is not None,
        disks={disk.get("target", ""): disk.get("name", "") for disk in element.iterfind(f"{{{URI}}}disk")},
        nics={nic.get("mac", "").lower(): _nic(nic) for nic in element.iterfind(f"{{{URI}}}nic")},
    )


def _nic(element: etree._Element) -> NicMark:
    addresses = tuple(address.get("ip", "") for address in element.iterfind(f"{{{URI}}}address"))
    return NicMark(element.get("name", ""), element.get("network", ""), addresses)


def element(marks: Marks) -> etree._Element:
    machine = etree.Element(TAG, nsmap={PREFIX: URI})
    machine.set("namespace", marks.namespace)
    machine.set("name", marks.name)
    machine.set("os", marks.os_type)
    if marks.smbios_uuid:
        machine.set("smbios-uuid", marks.smbios_uuid)
    for target, name in sorted(marks.disks.items()):
        etree.SubElement(machine, f"{{{URI}}}disk", target=target, name=name)
    for mac, nic in sorted(marks.nics.items()):
        card = etree.SubElement(machine, f"{{{URI}}}nic", mac=mac, name=nic.name, network=nic.network)
        for address in nic.addresses:
            etree.SubElement(card, f"{{{URI}}}address", ip=address)
    if marks.seeded:
        seed = etree.SubElement(machine, f"{{{URI}}}seed")
        seed.set("instance-id", marks.instance_id)
        seed.set("hostname", marks.hostname)
    return machine


def text(marks: Marks) -> str:
    """For `virDomainSetMetadata`, which wants the element bare and puts the namespace on itself."""
    bare = element(marks)
    for part in bare.iter():
        part.tag = etree.QName(part).localname
    etree.cleanup_namespaces(bare)
    return etree.tostring(bare, encoding="unicode")


def write(domain: etree._Element, marks: Marks) -> None:
    """Put the marks into the domain, in place of the old ones; other people's metadata stays."""
    metadata = domain.find("metadata")
    if metadata is None:
        metadata = etree.Element("metadata")
        domain.insert(0, metadata)
    for old in metadata.findall(TAG):
        metadata.remove(old)
    metadata.append(element(marks))

"""Bring a running machine nearer to its definition: disks, CD-ROMs and cards, where QEMU can.

What cannot be done now waits for the next start and shows as `pending`; so a refusal here is not an error. libvirt
completes an unplug when the guest lets go of the device, which may be never: the next look tells.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import deepcopy

import libvirt
from lxml import etree

from vmconsole.runtime.errors import Busy, Rejected, Stale
from vmconsole.runtime.libvirt import edit, marks, parse
from vmconsole.runtime.libvirt.faults import QemuSilent, asked, translated
from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.libvirt.xml import read, write

log = logging.getLogger(__name__)
# Plugging takes 20 ms; a QEMU that is this late hangs.
PATIENCE = 10.0


def follow(domain: libvirt.virDomain, places: Places) -> None:
    """Plug and unplug until the running machine has the devices of its definition, as far as it goes."""
    want = read(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))
    have = read(domain.XMLDesc(0))
    _marks(domain, want)
    _disks(domain, want, have, places)
    _nics(domain, want, have)


def _marks(domain: libvirt.virDomain, want: etree._Element) -> None:
    """The running machine's names first: what is plugged in next is found by them."""
    ours = marks.read(want)
    if ours is None:
        return
    text = marks.text(ours)
    _try(
        domain,
        "rename the machine's devices",
        lambda: domain.setMetadata(
            libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, marks.PREFIX, marks.URI, libvirt.VIR_DOMAIN_AFFECT_LIVE
        ),
    )


def _disks(domain: libvirt.virDomain, want: etree._Element, have: etree._Element, places: Places) -> None:
    wanted = {parse.target(disk): disk for disk in parse.disks(want)}
    present = {parse.target(disk): disk for disk in parse.disks(have)}
    for target, disk in present.items():
        if target not in wanted or not _same_drive(disk, wanted[target], places):
            _detach(domain, disk)
    for target, disk in wanted.items():
        if target not in present:
            _attach(domain, disk)
        elif disk.get("device") == "cdrom" and parse.source(disk) != parse.source(present[target]):
            _update(domain, disk)


def _same_drive(have: etree._Element, want: etree._Element, places: Places) -> bool:
    a, b = parse.disk_of(have, None, places), parse.disk_of(want, None, places)
    if a.cdrom and b.cdrom:
        return a.bus is b.bus
    return (a.volume, a.location, a.bus, a.read_only, a.cdrom) == (b.volume, b.location, b.bus, b.read_only, b.cdrom)


def _nics(domain: libvirt.virDomain, want: etree._Element, have: etree._Element) -> None:
    wanted = {parse.nic_of(nic, None, 0).mac: nic for nic in parse.nics(want)}
    present = {parse.nic_of(nic, None, 0).mac: nic for nic in parse.nics(have)}
    for mac, nic in present.items():
        if mac not in wanted or parse.nic_of(nic, None, 0).model != parse.nic_of(wanted[mac], None, 0).model:
            _detach(domain, nic)
    for mac, nic in wanted.items():
        if mac not in present:
            _attach(domain, nic)
        elif edit.plug(parse.nic_of(nic, None, 0)) != edit.plug(parse.nic_of(present[mac], None, 0)):
            _update(domain, nic)


def _attach(domain: libvirt.virDomain, device: etree._Element) -> None:
    plugged = deepcopy(device)
    for order in plugged.findall("boot"):  # of the next start; a running machine with another way of saying it refuses
        plugged.remove(order)
    text = write(plugged)
    _try(domain, "plug in a device", lambda: domain.attachDeviceFlags(text, libvirt.VIR_DOMAIN_AFFECT_LIVE))


def _detach(domain: libvirt.virDomain, device: etree._Element) -> None:
    text = write(device)
    _try(domain, "unplug a device", lambda: domain.detachDeviceFlags(text, libvirt.VIR_DOMAIN_AFFECT_LIVE))


def _update(domain: libvirt.virDomain, device: etree._Element) -> None:
    text = write(device)
    _try(domain, "change a device", lambda: domain.updateDeviceFlags(text, libvirt.VIR_DOMAIN_AFFECT_LIVE))


def _try(domain: libvirt.virDomain, doing: str, call: Callable[[], object]) -> None:
    try:
        with translated(doing):
            asked(domain, call, within=PATIENCE)
    except QemuSilent:
        raise
    except (Rejected, Busy, Stale) as fault:
        log.info("left for the next start: %s", fault)

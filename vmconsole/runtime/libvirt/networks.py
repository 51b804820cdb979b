"""Networks as libvirt networks: NAT ones with a bridge and DHCP of our own, bridge ones as names for what is there.

They carry a prefix, so that a host's own `default` is never touched. Reservations go in one by one under running
machines; another address range would cut their cards off, so that is refused while one is plugged in.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import libvirt
from lxml import etree
from lxml.builder import E

from vmconsole.runtime.errors import Rejected
from vmconsole.runtime.libvirt import xml
from vmconsole.runtime.libvirt.link import Link
from vmconsole.runtime.types import NetworkMode, NetworkSeen, NetworkSpec, Reservation

BRIDGE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
SYS_NET = Path("/sys/class/net")
BOTH = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
ADD, DELETE = libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE


class Networks:
    def __init__(self, link: Link) -> None:
        self._link = link

    def list(self) -> list[NetworkSeen]:
        return self._link.look(
            "list the networks", lambda host: [seen(n) for n in host.listAllNetworks(0) if is_ours(n.name())]
        )

    def get(self, name: str) -> NetworkSeen | None:
        def ask(host: libvirt.virConnect) -> NetworkSeen | None:
            network = find(host, name)
            return seen(network) if network else None

        return self._link.look("look at the network", ask)

    def apply(self, spec: NetworkSpec) -> None:
        definition = build(spec)
        with self._link.host("set the network up") as host:
            network = find(host, spec.name)
            if network is None:
                network = host.networkDefineXML(xml.write(definition))
                network.setAutostart(1)
                network.create()
                return
            have = xml.read(network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
            if frame(have) != frame(definition):
                _redefine(host, network, definition, have)
            elif network.isActive():
                _reserve(network, have, definition)
            else:
                definition.append(E.uuid(have.findtext("uuid", "")))
                host.networkDefineXML(xml.write(definition))
            if not network.isActive():
                network.create()

    def delete(self, name: str) -> None:
        with self._link.host("remove the network") as host:
            network = find(host, name)
            if network is None:
                return
            if network.isActive():
                network.destroy()
            network.undefine()


def find(host: libvirt.virConnect, name: str) -> libvirt.virNetwork | None:
    """By looking through all: a lookup that fails cannot be told from a machine's network that is missing."""
    return next((n for n in host.listAllNetworks(0) if n.name() == xml.NETWORK_PREFIX + name), None)


def is_ours(name: str) -> bool:
    return name.startswith(xml.NETWORK_PREFIX)


def is_bridge(name: str) -> bool:
    """Whether the host has a bridge of that name. A name with a slash is none and must not become a path."""
    return bool(name) and "/" not in name and (SYS_NET / name / "bridge").is_dir()


def build(spec: NetworkSpec) -> etree._Element:
    if not BRIDGE.fullmatch(spec.bridge):
        raise Rejected(f"{spec.bridge!r} cannot be the name of a bridge. Linux takes 15 letters.", reason="BadBridge")
    try:
        name = E.name(xml.NETWORK_PREFIX + spec.name)
        if spec.mode is NetworkMode.BRIDGE:
            return E.network(name, E.forward(mode="bridge"), E.bridge(name=spec.bridge))
        return E.network(
            name, E.forward(mode="nat"), E.bridge(name=spec.bridge, stp="off", delay="0"), _addresses(spec)
        )
    except ValueError as error:
        raise xml.unspeakable(error) from error


def _addresses(spec: NetworkSpec) -> etree._Element:
    try:
        range_ = ipaddress.IPv4Network(spec.cidr)
    except ValueError as error:
        raise Rejected(f"{spec.cidr} is no IPv4 range. Give one like 10.0.0.0/24.", reason="BadRange") from error
    if range_.num_addresses < 8:
        raise Rejected(f"The range {spec.cidr} is too small. Take /29 or larger.", reason="BadRange")
    gateway, first, last = range_[1], range_[2], range_[-2]
    dhcp = E.dhcp(E.range(start=str(first), end=str(last)))
    outside = next((r.address for r in spec.reservations if not _inside(r.address, range_)), None)
    if outside is not None:
        raise Rejected(f"The address {outside} is not one for a machine in {spec.cidr}.", reason="BadReservation")
    dhcp.extend(_host(reservation) for reservation in spec.reservations)
    return E.ip(dhcp, address=str(gateway), netmask=str(range_.netmask))


def _inside(address: str, range_: ipaddress.IPv4Network) -> bool:
    try:
        at = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return at in range_ and at not in (range_[0], range_[1], range_[-1])


def _host(reservation: Reservation) -> etree._Element:
    element = E.host(mac=reservation.mac.lower(), ip=reservation.address)
    if reservation.hostname:
        element.set("name", reservation.hostname)
    return element


def frame(network: etree._Element) -> tuple[str, ...]:
    """What cannot be changed under running machines."""
    values = (network.xpath(path) for path in ("forward/@mode", "bridge/@name", "ip/@address", "ip/@netmask"))
    return tuple("".join(value) for value in values)


def _redefine(
    host: libvirt.virConnect, network: libvirt.virNetwork, definition: etree._Element, have: etree._Element
) -> None:
    if network.isActive() and network.listAllPorts(0):
        raise Rejected(
            "The range of a network cannot change while machines are plugged in. Stop them first.",
            reason="NetworkInUse",
        )
    if network.isActive():
        network.destroy()
    definition.insert(1, E.uuid(have.findtext("uuid", "")))
    host.networkDefineXML(xml.write(definition))


def _reserve(network: libvirt.virNetwork, have: etree._Element, want: etree._Element) -> None:
    """Take reservations out first, so that an address can change hands in one go."""
    present, wanted = _reservations(have), _reservations(want)
    for key in present.keys() - wanted.keys():
        _update(network, DELETE, present[key])
    for key in wanted.keys() - present.keys():
        _update(network, ADD, wanted[key])


def _reservations(network: etree._Element) -> dict[tuple[str, str, str], etree._Element]:
    hosts = network.iterfind("ip/dhcp/host")
    return {(h.get("mac", "").lower(), h.get("ip", ""), h.get("name", "")): h for h in hosts}


def _update(network: libvirt.virNetwork, command: int, host: etree._Element) -> None:
    network.update(command, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, xml.write(host), BOTH)


def seen(network: libvirt.virNetwork) -> NetworkSeen:
    name = network.name().removeprefix(xml.NETWORK_PREFIX)
    definition = xml.read(network.XMLDesc(0))
    bridge = "".join(definition.xpath("bridge/@name"))
    if "bridge" in definition.xpath("forward/@mode"):
        if is_bridge(bridge):
            return NetworkSeen(name, ready=True)
        message = f"The host has no bridge {bridge}. Make it, or choose another one."
        return NetworkSeen(name, ready=False, reason="MissingHostInterface", message=message)
    if not network.isActive():
        return NetworkSeen(name, ready=False, reason="NotActive", message="The network is switched off on the host.")
    return NetworkSeen(name, ready=True, leases=tuple(_lease(lease) for lease in network.DHCPLeases()))


def _lease(lease: dict[str, object]) -> Reservation:
    return Reservation(str(lease["mac"]).lower(), str(lease["ipaddr"]), str(lease.get("hostname") or ""))

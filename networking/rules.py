"""What a network and a card's addresses must satisfy. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import NamedTuple


class Place(NamedTuple):
    bridge: str
    cidr: str


# Where the predefined network may lie, in this order: another console, or something else, may have the first.
POD_PLACES = tuple(Place(f"vmcbr{number}", f"10.{76 + number}.0.0/22") for number in range(16))
FIRST_HOST = 10  # the addresses below stay free for the gateway and for what people set by hand


def address_problem(address: str, cidr: str) -> str:
    """The sentence why this address cannot be given out on a network of `cidr`, or ""."""
    try:
        wanted = IPv4Interface(address).ip
    except ValueError:
        return "“{address}” is not an IPv4 address."
    if not cidr:
        return ""
    network = IPv4Network(cidr)
    if wanted not in network:
        return "{address} is outside of the network's range {cidr}."
    if wanted in (network.network_address, network.broadcast_address, gateway(cidr)):
        return "{address} is taken by the network itself."
    return ""


def gateway(cidr: str) -> IPv4Address:
    return IPv4Network(cidr)[1]


def free_address(cidr: str, used: set[str]) -> str:
    """The lowest address nobody has, or "" when the network is full."""
    network = IPv4Network(cidr)
    candidates = (network[number] for number in range(FIRST_HOST, network.num_addresses - 1))
    return next((str(address) for address in candidates if str(address) not in used), "")


def next_place(bridge: str) -> Place | None:
    """Where to try after `bridge` was found taken; None at the end, and for one that somebody chose."""
    bridges = [place.bridge for place in POD_PLACES]
    after = bridges.index(bridge) + 1 if bridge in bridges else len(bridges)
    return POD_PLACES[after] if after < len(bridges) else None


def moved_address(address: str, from_cidr: str, to_cidr: str) -> str:
    """The same host in another range of the same size."""
    offset = int(IPv4Address(address)) - int(IPv4Network(from_cidr).network_address)
    return str(IPv4Network(to_cidr)[offset])

"""What a network and a card's addresses must satisfy. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

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

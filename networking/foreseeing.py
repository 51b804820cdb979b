"""What address a new card would get, without taking it. A look ahead: somebody else may be quicker."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from networking import rules
from networking.models import Network, NetworkInterface
from vmconsole.runtime.types import NetworkMode


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`address` "" where the network's own DHCP gives one. `free` None where nobody counts them."""

    address: str = ""
    kept: bool = False
    taken_by: str = ""
    what: str = ""
    free: int | None = None


def foresee(network: Network, namespace: str, *, mac: str = "", address: str = "") -> Foreseen:
    """As `claim_interface` would choose: a prepared identity with this MAC or address before a new one."""
    plain = address.partition("/")[0]
    cards = NetworkInterface.objects.all()
    by_mac = cards.filter(mac_address=mac.lower()).first() if mac else None
    by_address = cards.filter(network=network, ip_address=plain).first() if plain else None
    for found, what in ((by_mac, mac), (by_address, plain)):
        if found is None:
            continue
        prepared = found.machine_uid is None and found.namespace == namespace and found.network_id == network.uid
        if prepared:
            return Foreseen(found.ip_address, kept=True)
        return Foreseen(taken_by=shown(found, namespace), what=what)
    if network.spec_mode != NetworkMode.NAT or plain:
        return Foreseen(plain)
    used = set(cards.filter(network=network).exclude(ip_address="").values_list("ip_address", flat=True))
    free = IPv4Network(network.spec_cidr).num_addresses - 1 - rules.FIRST_HOST - len(used)
    return Foreseen(rules.free_address(network.spec_cidr, used), free=max(free, 0))


def shown(card: NetworkInterface, namespace: str) -> str:
    """Whose it is; in other people's namespaces only that it is somebody's."""
    return card.machine_name or card.name if card.namespace == namespace else "…"

"""What can be asked of networks and of the identities of network cards."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from ipaddress import IPv4Interface
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from networking import rules
from networking.models import POD_NETWORK, Network, NetworkInterface
from observability import audit, changes, subjects
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict, Unprocessable
from vmconsole.access.models import User
from vmconsole.access.rights import Right, require
from vmconsole.operations import loop
from vmconsole.runtime.types import NetworkMode, NetworkSpec, Reservation

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
INTERFACE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}")


def ensure_pod_network() -> Network:
    """The predefined NAT network, made again when it is not there, and moved when its settings moved."""
    chosen = {"spec_interface": settings.POD_BRIDGE, "spec_cidr": settings.POD_CIDR}
    told = {"spec_mode": NetworkMode.NAT, **{field: value for field, value in chosen.items() if value}}
    first = {"spec_interface": rules.POD_PLACES[0].bridge, "spec_cidr": rules.POD_PLACES[0].cidr}
    made_of = {**first, **told, "predefined": True}
    network, made = Network.objects.get_or_create(name=POD_NETWORK, defaults=made_of)
    moved = any(getattr(network, field) != value for field, value in told.items())
    if moved and not made:
        Network.objects.filter(uid=network.uid).update(**told)
        network.changed()
        network.refresh_from_db()
    return network


@transaction.atomic
def move_pod_network(network: Network) -> bool:
    """Take the next place for the predefined network when the host has its bridge or range already.

    Only while it never ran and nobody chose its place: later its addresses are what machines are known by.
    """
    place = rules.next_place(network.spec_interface)
    if settings.POD_BRIDGE or settings.POD_CIDR or not network.predefined or network.observed_generation or not place:
        return False
    for card in network.interfaces.exclude(ip_address=""):
        card.ip_address = rules.moved_address(card.ip_address, network.spec_cidr, place.cidr)
        card.save(update_fields=["ip_address"])
        tell(card, "MODIFIED")
    Network.objects.filter(uid=network.uid).update(spec_interface=place.bridge, spec_cidr=place.cidr)
    network.changed()
    network.refresh_from_db()
    tell(network, "MODIFIED")
    return True


@transaction.atomic
def create_network(user: User, actor: Actor, *, name: str, interface: str, **spec: Any) -> Network:
    """Make a Network on a bridge of the host. Ready, or not and why, is for the next look to say."""
    require(user, Right.CLUSTER_EDIT, None)
    if not NAME.fullmatch(name):
        example = _("Write lower-case letters, digits and “-”, 63 at most, such as “lab-net”.")
        raise Unprocessable(_("“%(name)s” is not a name.") % {"name": name[:40]}, field="name", fix=example)
    if not INTERFACE.fullmatch(interface):
        raise Unprocessable(
            _("“%(name)s” is not the name of a host bridge.") % {"name": interface[:40]}, field="interface"
        )
    try:
        with transaction.atomic():
            network = Network.objects.create(name=name, spec_mode=NetworkMode.BRIDGE, spec_interface=interface, **spec)
    except IntegrityError as error:
        raise Conflict(
            _("There is a network %(name)s already.") % {"name": name}, field="name", reason="AlreadyExists"
        ) from error
    _note(actor, "create", network, "ADDED")
    loop.enqueue("Network", network.uid)
    return network


@transaction.atomic
def delete_network(user: User, actor: Actor, network: Network, *, when_free: bool = False) -> None:
    """Refused while anything is plugged in, naming it; or done `when_free`."""
    require(user, Right.CLUSTER_EDIT, None)
    if network.predefined:
        raise Conflict(_("%(name)s is part of the product and stays.") % {"name": network.name}, reason="Predefined")
    users = list(network.interfaces.all()[:5])
    kept = subjects.trashed([card.machine_uid for card in network.interfaces.all() if card.machine_uid])
    if users and (kept or not when_free):
        names = ", ".join(map(known_as, users))
        sentence = _("Network %(name)s is in use by %(users)s. Move or delete them first.")
        raise Conflict(sentence % {"name": network.name, "users": names}, reason="InUse")
    Network.objects.filter(uid=network.uid).update(deletion_requested_at=timezone.now())
    _note(actor, "delete", network, "MODIFIED")
    loop.enqueue("Network", network.uid)


def network_spec(network: Network) -> NetworkSpec:
    """What the runtime is asked for: the switch with every reservation on it."""
    cards = network.interfaces.exclude(ip_address="").values_list("mac_address", "ip_address", "machine_name")
    reservations = (Reservation(mac, address, host) for mac, address, host in cards)
    mode = NetworkMode(network.spec_mode)
    return NetworkSpec(
        name=network.name,
        mode=mode,
        bridge=network.spec_interface,
        cidr=network.spec_cidr,
        reservations=tuple(sorted(reservations, key=lambda one: one.mac)) if mode is NetworkMode.NAT else (),
    )


@transaction.atomic
def claim_interface(
    *, namespace: str, machine_uid: UUID, machine_name: str, card_name: str, network: Network, mac: str,
    addresses: Sequence[str],
) -> NetworkInterface:  # fmt: skip
    """The identity for a machine's card: the one it has, a prepared one with this MAC, or a new one.

    Conflict when the MAC or the address belongs to somebody else; the sentence names whom.
    """
    mac = mac.lower()
    own = NetworkInterface.objects.filter(machine_uid=machine_uid, card_name=card_name).first()
    address = _address(network, addresses)
    if own and own.network_id == network.uid and mac in ("", own.mac_address) and address in ("", own.ip_address):
        return own
    if own:
        release_interface(own)
    prepared = NetworkInterface.objects.filter(namespace=namespace, network=network, machine_uid=None)
    match = (
        prepared.filter(mac_address=mac).first()
        if mac
        else prepared.filter(ip_address=address).first()
        if address
        else None
    )
    if match:
        taken = NetworkInterface.objects.filter(uid=match.uid, machine_uid=None)
        taken.update(machine_uid=machine_uid, machine_name=machine_name, card_name=card_name)
        match.refresh_from_db()
        network.changed()
        return match
    return _new_interface(namespace, machine_uid, machine_name, card_name, network, mac, address)


def _new_interface(
    namespace: str, machine_uid: UUID, machine_name: str, card_name: str, network: Network, mac: str, address: str,
    own: dict[str, Any] | None = None,
) -> NetworkInterface:  # fmt: skip
    """`own` are columns of one that no machine has yet."""
    mac = mac or free_mac()
    if network.spec_mode == NetworkMode.NAT and not address:
        used = set(network.interfaces.exclude(ip_address="").values_list("ip_address", flat=True))
        address = rules.free_address(network.spec_cidr, used)
        if not address:
            raise Conflict(
                _("Network %(name)s has no free address left.") % {"name": network.name}, reason="NetworkFull"
            )
    try:
        with transaction.atomic():
            card = NetworkInterface.objects.create(
                namespace=namespace,
                network=network,
                mac_address=mac,
                ip_address=address,
                **{
                    "name": f"{machine_name}-{card_name}-{secrets.token_hex(3)}",
                    "machine_uid": machine_uid,
                    "machine_name": machine_name,
                    "card_name": card_name,
                    **(own or {}),
                },
            )
    except IntegrityError as error:
        raise _taken(network, mac, address) from error
    network.changed()
    tell(card, "ADDED")
    return card


def _taken(network: Network, mac: str, address: str) -> Conflict:
    by_mac = NetworkInterface.objects.filter(mac_address=mac).first()
    if by_mac:
        sentence = _("MAC address %(mac)s is used by %(who)s already. Leave it out to get a free one.")
        who = known_as(by_mac)
        return Conflict(sentence % {"mac": mac, "who": who}, reason="MacAddressInUse", field="macAddress")
    by_address = network.interfaces.filter(ip_address=address).first()
    who = known_as(by_address) if by_address else "?"
    sentence = _("Address %(address)s on network %(network)s is used by %(who)s already.")
    values = {"address": address, "network": network.name, "who": who}
    return Conflict(sentence % values, reason="AddressInUse", field="ipAddresses")


def known_as(card: NetworkInterface) -> str:
    """Whose it is, as a sentence says it."""
    return subjects.called(card.machine_uid, card.machine_name) or card.name


def _address(network: Network, addresses: Sequence[str]) -> str:
    """The one address a NAT network keeps for a card, checked. Bridges keep what was written."""
    if not addresses:
        return ""
    problem = rules.address_problem(addresses[0], network.spec_cidr)
    if problem:
        sentence = _(problem).format(address=addresses[0][:40], cidr=network.spec_cidr)
        raise Unprocessable(sentence, field="ipAddresses", reason="InvalidAddress")
    return str(IPv4Interface(addresses[0]).ip)


def free_mac() -> str:
    """A MAC of QEMU's own range that nobody has."""
    while True:
        tail = secrets.token_bytes(3)
        mac = "52:54:00:" + ":".join(f"{byte:02x}" for byte in tail)
        if not NetworkInterface.objects.filter(mac_address=mac).exists():
            return mac


def release_interface(card: NetworkInterface) -> None:
    """Unplug for good: generated identities go, prepared ones wait for the next machine."""
    network = card.network
    if card.generated:
        uid = card.uid
        card.delete()
        card.uid = uid
        tell(card, "DELETED")
    else:
        NetworkInterface.objects.filter(uid=card.uid).update(machine_uid=None, machine_name="", card_name="")
    network.changed()


@transaction.atomic
def release_all(machine_uid: UUID) -> None:
    for card in NetworkInterface.objects.filter(machine_uid=machine_uid).select_related("network"):
        release_interface(card)


@transaction.atomic
def prepare_interface(
    user: User, actor: Actor, *, namespace: str, name: str, network: Network, mac: str = "", address: str = "",
    **written: Any,
) -> NetworkInterface:  # fmt: skip
    """Make an identity before its machine, so that MAC and address survive the machine's deletion.

    `written` are columns of its manifest that are only kept: labels, annotations, and how addresses were written.
    """
    require(user, Right.EDIT, namespace)
    if NetworkInterface.objects.filter(namespace=namespace, name=name).exists():
        sentence = _("There is a network interface %(name)s in namespace %(namespace)s already.")
        values = {"name": name, "namespace": namespace}
        raise Conflict(sentence % values, reason="AlreadyExists", field="metadata.name")
    own = {"name": name, "generated": False, "machine_uid": None, "machine_name": "", **written}
    given = _address(network, [address] if address else [])
    card = _new_interface(namespace, UUID(int=0), name, "", network, mac.lower(), given, own)
    audit.record(
        actor, "create", kind="NetworkInterface", uid=card.uid, name=name, namespace=namespace,
        phase=audit.Phase.SUCCEEDED,
    )  # fmt: skip
    return card


def _note(actor: Actor, verb: str, network: Network, what: changes.What) -> None:
    audit.record(
        actor, verb, kind="Network", uid=network.uid, name=network.name, namespace="", phase=audit.Phase.ACCEPTED
    )
    tell(network, what)


def tell(row: Network | NetworkInterface, what: changes.What) -> None:
    """Put the change in the outbox; its number is the row's resource version."""
    kind = type(row)
    version = changes.changed(
        kind.__name__, row.uid, row.name, getattr(row, "namespace", ""), what, changes.seen_of(row)
    )
    row.resource_version = version
    if kind is Network:
        Network.objects.filter(uid=row.uid).update(resource_version=version)
    else:
        NetworkInterface.objects.filter(uid=row.uid).update(resource_version=version)

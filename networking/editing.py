"""Change and delete: networks as a whole, and the identities of cards that nobody has plugged in."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from networking.models import Network, NetworkInterface
from networking.services import tell
from observability import audit
from vmconsole import objectmeta
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict, Unprocessable
from vmconsole.access.models import User
from vmconsole.access.rights import Right, require
from vmconsole.operations import loop

FIXED = {
    "spec_interface": "spec.nodeInterfaceMatcher.interfaceName",
    "spec_prefix_length4": "spec.l2NetworkConfig.prefixLength4",
}
LABELS = ("labels", "annotations", "finalizers", "owner_references")


@transaction.atomic
def edit_network(user: User, actor: Actor, network: Network, wanted: dict[str, Any]) -> Network:
    """Write down changed columns (`manifests.network_columns`). Nothing changed: nothing is written."""
    require(user, Right.CLUSTER_EDIT, None)
    diff = objectmeta.differing(network, wanted)
    if not diff:
        return network
    if network.predefined and diff.keys() - set(LABELS):
        raise Conflict(_("%(name)s is part of the product and stays.") % {"name": network.name}, reason="Predefined")
    for column, field in FIXED.items():
        if column in diff:
            raise Unprocessable(_("It cannot change once the network is made. Make a new network."), field=field)
    renumbered = {} if diff.keys() <= set(LABELS) else {"generation": F("generation") + 1}
    Network.objects.filter(uid=network.uid).update(**{name: pair[1] for name, pair in diff.items()}, **renumbered)
    network.refresh_from_db()
    _note(actor, "edit", network, diff)
    tell(network, "MODIFIED")
    loop.enqueue("Network", network.uid)
    return network


@transaction.atomic
def edit_interface(
    user: User, actor: Actor, card: NetworkInterface, wanted: dict[str, Any], *, spec_same: bool
) -> NetworkInterface:
    """Labels and their like: what a card is cannot change."""
    require(user, Right.EDIT, card.namespace)
    if not spec_same:
        raise Unprocessable(_("A card's identity cannot change. Make a new one."), field="spec")
    diff = objectmeta.differing(card, wanted)
    if not diff:
        return card
    NetworkInterface.objects.filter(uid=card.uid).update(**{name: pair[1] for name, pair in diff.items()})
    card.refresh_from_db()
    _note(actor, "edit", card, diff)
    tell(card, "MODIFIED")
    _forget_if_free(card)
    return card


@transaction.atomic
def delete_interface(user: User, actor: Actor, card: NetworkInterface) -> None:
    """Refused while a machine has it: it goes with the machine, or waits for the next one."""
    require(user, Right.EDIT, card.namespace)
    if card.machine_uid:
        sentence = _("%(name)s is plugged into %(machine)s. Take it out of the machine, or delete the machine.")
        raise Conflict(sentence % {"name": card.name, "machine": card.machine_name}, reason="InUse")
    NetworkInterface.objects.filter(uid=card.uid).update(deletion_requested_at=timezone.now())
    card.refresh_from_db()
    _note(actor, "delete", card)
    if card.finalizers:
        tell(card, "MODIFIED")
    _forget_if_free(card)


def _forget_if_free(card: NetworkInterface) -> None:
    """Somebody's finalizer keeps the row until they take it away."""
    if not card.deletion_requested_at or card.finalizers:
        return
    uid = card.uid
    card.network.changed()
    loop.enqueue("Network", card.network_id)
    card.delete()
    card.uid = uid
    tell(card, "DELETED")


def _note(actor: Actor, verb: str, row: Network | NetworkInterface, diff: dict[str, Any] | None = None) -> None:
    audit.record(
        actor, verb, kind=type(row).__name__, uid=row.uid, name=row.name, namespace=getattr(row, "namespace", ""),
        phase=audit.Phase.SUCCEEDED, diff=diff,
    )  # fmt: skip

"""The loop over networks: make them so on the runtime, and say whether they are ready."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from networking.models import Network
from networking.services import move_pod_network, network_spec, tell
from observability import events
from vmconsole.operations import loop
from vmconsole.operations.models import Lease
from vmconsole.runtime import connect
from vmconsole.runtime.contract import Networks
from vmconsole.runtime.errors import Busy, RuntimeFault

TRY_AGAIN = 10.0
TAKEN = {"RangeInUse", "NameInUse"}  # somebody else's on this host
PLUGGED_IN = 1.0  # its deletion waits for the last card to go


def unsettled() -> Iterable[UUID]:
    waiting = Network.objects.exclude(observed_generation=F("generation"), status_ready=True)
    return (waiting | Network.objects.exclude(deletion_requested_at=None)).values_list("uid", flat=True)


def reconcile(uid: UUID) -> float | None:
    """One look, one step. Seconds until the next, or None when it is as wished."""
    network = Network.objects.filter(uid=uid).first()
    if network is None:
        return None
    try:
        networks = connect.default().networks
        if network.deletion_requested_at:
            if network.interfaces.exists():
                return PLUGGED_IN
            networks.delete(network.name)
            return _forget(network)
        _apply(network, networks)
        seen = networks.get(network.name)
    except RuntimeFault as fault:
        _record(network, ready=False, reason=fault.reason or "RuntimeFault", message=fault.public)
        return fault.retry_in or TRY_AGAIN
    ready = bool(seen and seen.ready)
    reason, message = (seen.reason, seen.message) if seen else ("NetworkNotFound", "")
    _record(network, ready=ready, reason=reason, message=message)
    if not ready:
        return TRY_AGAIN
    Network.objects.filter(uid=uid).update(observed_generation=network.generation)
    newer = Network.objects.filter(uid=uid, generation__gt=network.generation).exists()
    return 0 if newer else None


def _apply(network: Network, networks: Networks) -> None:
    """Make it so, where there is room for it: two consoles on one host need nobody to choose for them."""
    while True:
        try:
            return networks.apply(network_spec(network))
        except RuntimeFault as fault:
            if fault.reason not in TAKEN or not move_pod_network(network):
                raise
        place = _("The host has its address range already. It takes %(range)s on %(bridge)s instead.")
        message = place % {"range": network.spec_cidr, "bridge": network.spec_interface}
        events.record("Network", network.uid, network.name, "", "Moved", message)


@transaction.atomic
def _forget(network: Network) -> None:
    """Somebody's finalizer keeps the row until they take it away."""
    if Network.objects.filter(uid=network.uid).exclude(finalizers=[]).exists():
        return
    uid = network.uid
    network.delete()
    network.uid = uid
    tell(network, "DELETED")


def apply_now(uid: UUID, networks: Networks) -> None:
    """Make the network so before a guest asks it for an address. Busy while somebody else is at it.

    Under the network's own lease: an apply replaces all reservations, and of two at once the older could come last.
    """
    token = Lease.take(uid, now=timezone.now(), length=loop.LEASE)
    if token is None:
        raise Busy(_("Its network is just being changed."))
    try:
        network = Network.objects.get(uid=uid)
        if network.observed_generation != network.generation or not network.status_ready:
            _apply(network, networks)
            done = {"observed_generation": network.generation, "status_ready": True}
            Network.objects.filter(uid=uid).update(**done, status_reason="", status_message="")
    finally:
        Lease.give_back(uid, token)


def _record(network: Network, *, ready: bool, reason: str, message: str) -> None:
    before = (network.status_ready, network.status_reason, network.status_message)
    seen = Network.objects.filter(uid=network.uid)
    seen.update(status_ready=ready, status_reason=reason, status_message=message, status_as_of=timezone.now())
    if before != (ready, reason, message):
        tell(network, "MODIFIED")
        level = "Normal" if ready else "Warning"
        events.record("Network", network.uid, network.name, "", reason or "Ready", message, level=level)

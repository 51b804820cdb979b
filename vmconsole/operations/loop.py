"""The one loop: somebody rings with a kind and a uid, the kind's reconciler looks after it under a lease.

A reconciler takes no news and returns the seconds until it wants to be called again, or None when all is as wished.
So a lost call, a double call and a restart all end the same way, at the latest at the next resync.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from observability import vitals
from vmconsole.operations.models import Lease, Operation

log = logging.getLogger(__name__)

# Longer than a task's hard time limit (55 s), or two workers could look after one subject at once.
LEASE = timedelta(seconds=60)
KNOCK_AGAIN = 1.0
# A pooled connection may be to a broker that was restarted since; one fresh try tells.
ONE_MORE_TRY = {"max_retries": 1, "interval_start": 0, "interval_max": 0.1}

Reconcile = Callable[[UUID], float | None]


@dataclass(frozen=True, slots=True)
class Caretaker:
    """Who looks after a kind: `reconcile` one, and `unsettled` names those that still want something."""

    reconcile: Reconcile
    unsettled: Callable[[], Iterable[UUID]]


_caretakers: dict[str, Caretaker] = {}
rung: list[tuple[str, UUID]] = []  # with DOORBELL = "collect" (tests, single commands): who waits to be looked at


def register(kind: str, reconcile: Reconcile, unsettled: Callable[[], Iterable[UUID]]) -> None:
    _caretakers[kind] = Caretaker(reconcile, unsettled)


def kinds() -> list[str]:
    return list(_caretakers)


def enqueue(kind: str, uid: UUID, *, delay: float = 0) -> None:
    """Ask for a look, once the current transaction is committed."""
    transaction.on_commit(partial(ring, kind, uid, delay))


def ring(kind: str, uid: UUID, delay: float = 0) -> None:
    if settings.DOORBELL == "collect":
        if not delay:
            rung.append((kind, uid))
        return
    from vmconsole.operations.tasks import look

    try:
        look.apply_async(args=(kind, str(uid)), countdown=delay, retry=True, retry_policy=ONE_MORE_TRY)
    except (look.OperationalError, OSError) as error:
        # The wish is safe in the database; the resync finds it when the broker is back.
        log.warning("doorbell.unreachable", extra={"kind": kind, "uid": str(uid), "error": str(error)})


def ring_for_life() -> None:
    """Ask the worker for a sign of life. What nobody takes within half a minute is forgotten, so nothing piles up."""
    if settings.DOORBELL == "collect":
        return
    from vmconsole.operations.tasks import beat

    try:
        beat.apply_async(expires=30, retry=True, retry_policy=ONE_MORE_TRY)
    except (beat.OperationalError, OSError) as error:
        log.warning("doorbell.unreachable", extra={"error": str(error)})


def look_after(kind: str, uid: UUID) -> None:
    """Look, decide one step, take it. Safe to run at any time, twice, in two places."""
    caretaker = _caretakers[kind]
    token = Lease.take(uid, now=timezone.now(), length=LEASE)
    if token is None:
        ring(kind, uid, KNOCK_AGAIN)
        return
    again: float | None = KNOCK_AGAIN
    try:
        with vitals.timed("reconcile"):
            again = caretaker.reconcile(uid)
    finally:
        Lease.give_back(uid, token)
    # After the release, or the next worker would find the door locked.
    if again is not None:
        ring(kind, uid, again)


def resync() -> int:
    """Ring for everything that is not as wished, and for every open operation."""
    waiting = {(kind, uid) for kind, caretaker in _caretakers.items() for uid in caretaker.unsettled()}
    waiting |= set(Operation.objects.open().values_list("subject_kind", "subject_uid"))
    for kind, uid in waiting:
        if kind in _caretakers:
            ring(kind, uid)
    return len(waiting)

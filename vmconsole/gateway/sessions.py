"""Console sessions: who may open one, how many, and their start and end in the audit.

No session without its audit entry, in the same transaction as the row that says it is open. The row outlives a killed
web process; the next one writes the end that is missing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from observability import audit
from vmconsole.access.actors import Actor
from vmconsole.access.models import User
from vmconsole.access.rights import Right, may
from vmconsole.access.sessions import user_of
from vmconsole.gateway import readings, replay, targets, tickets
from vmconsole.gateway.models import ConsoleSession, ConsoleTicket, Kind
from vmconsole.gateway.people import actor_of_socket, session_key_of
from vmconsole.gateway.pipe import Meter
from vmconsole.gateway.targets import ConsoleTarget
from vmconsole.gateway.wire import (
    BAD_TICKET,
    DENIED,
    NOT_FOUND,
    SIGNED_OUT,
    TOO_MANY,
    Close,
    Refusal,
    Scope,
)

LOST = "The web process ended without a word."


@dataclass(eq=False, slots=True)
class Session:
    """One open console. `over` is set when it has to end for a reason that is neither browser nor guest."""

    session_key: str = field(repr=False)
    user_id: int
    actor: Actor
    uid: UUID
    kind: str
    writable: bool
    target: ConsoleTarget
    over: asyncio.Future[Close]
    meter: Meter = field(default_factory=Meter)
    row: ConsoleSession | None = None
    token_id: int | None = None  # the token that opened it, when no browser did
    is_admin: bool = False  # of the machine's namespace: may take control at once

    def judge(self, user: User) -> Close | None:
        namespace = self.target.namespace
        self.is_admin = may(user, Right.BIND_ROLES, namespace)
        if user.pk == self.user_id and may(user, Right.CONSOLE, namespace):
            return None
        return Close(DENIED, "You may not use this console any more.")

    def end(self, close: Close) -> None:
        if not self.over.done():
            self.over.set_result(close)


class Seats:
    """How many consoles are open, for the caps and for "who else is here"."""

    def __init__(self) -> None:
        self._of_user: Counter[int] = Counter()
        self._of_machine: Counter[tuple[UUID, str]] = Counter()

    def take(self, session: Session) -> None:
        if self._of_user[session.user_id] >= settings.CONSOLES_PER_USER:
            raise Refusal(TOO_MANY, "You have too many consoles open. Close one first.")
        if self._of_user.total() >= settings.CONSOLES:
            raise Refusal(TOO_MANY, "Too many consoles are open. Try again later.")
        self._of_user[session.user_id] += 1
        self._of_machine[session.uid, session.kind] += 1

    def leave(self, session: Session) -> None:
        self._of_user -= Counter({session.user_id: 1})  # in place, and drops what came down to nought
        self._of_machine -= Counter({(session.uid, session.kind): 1})

    def at(self, uid: UUID, kind: str) -> int:
        return self._of_machine[uid, kind]


seats = Seats()


def admit(scope: Scope, ticket: str, uid: UUID, kind: str, loop: asyncio.AbstractEventLoop) -> Session:
    """Who comes with this ticket, if they may. Uses the ticket up, whatever happens after. In a thread."""
    session_key = session_key_of(scope)
    user = user_of(session_key)
    if user is None:
        raise Refusal(SIGNED_OUT, "Please sign in.")
    used = tickets.consume(ticket, user, session_key, uid, kind)
    target = targets.find(uid)
    if target is None or not may(user, Right.VIEW, target.namespace):
        raise Refusal(NOT_FOUND, "There is no machine here that you can see.")
    actor = actor_of_socket(user, session_key, scope)
    if used is None:
        refused(actor, uid, kind, target, "BadTicket")
        raise Refusal(BAD_TICKET, "This ticket was used or is too old. Open the console again.")
    if not may(user, Right.CONSOLE, target.namespace) or used.namespace != target.namespace:
        refused(actor, uid, kind, target, "Forbidden")
        raise Refusal(DENIED, "You may not open this console.")
    return _session(session_key, user, actor, used, target, loop)


def _session(
    session_key: str,
    user: User,
    actor: Actor,
    used: ConsoleTicket,
    target: ConsoleTarget,
    loop: asyncio.AbstractEventLoop,
) -> Session:
    return Session(
        session_key=session_key,
        user_id=user.pk,
        actor=actor,
        uid=used.uid,
        kind=used.kind,
        writable=used.writable,
        target=target,
        over=loop.create_future(),
        is_admin=may(user, Right.BIND_ROLES, target.namespace),
    )


def refused(actor: Actor, uid: UUID, kind: str, target: ConsoleTarget, reason: str) -> None:
    """Write down that somebody was not let in."""
    audit.record(
        actor, f"console.{kind}", kind="Console", uid=uid, name=target.name, namespace=target.namespace,
        phase=audit.Phase.REFUSED, reason=reason,
    )  # fmt: skip


def started(session: Session) -> None:
    """Write the start. What this raises keeps the session from opening."""
    target = session.target
    with transaction.atomic():
        row = ConsoleSession.objects.create(
            actor=asdict(session.actor),
            uid=session.uid,
            namespace=target.namespace,
            name=target.name,
            kind=session.kind,
            writable=session.writable,
        )
        extra = {"session": str(row.pk), "writable": session.writable, **place_of(session)}
        _record(row, session.actor, audit.Phase.STARTED, extra=extra)
    session.row = row


def control_moved(to: Session, was: Session | None, by: Session, how: str) -> None:
    """Write down that somebody else drives this screen now. What this raises keeps control where it is."""
    extra = {"from": was.actor.name if was else "", "to": to.actor.name, "how": how}
    audit.record(
        by.actor, "console.control", kind="Console", uid=to.uid, name=to.target.name, namespace=to.target.namespace,
        phase=audit.Phase.SUCCEEDED, extra=extra,
    )  # fmt: skip


def place_of(session: Session) -> dict[str, int]:
    """How far the serial log is, so that what was printed meanwhile can be replayed."""
    if session.kind != Kind.SERIAL:
        return {}
    return replay.place_in(readings.log_of(session.uid, session.target.serial_log))


def ended(session: Session, close: Close | None) -> None:
    """Write the end: how long, how much, and why."""
    row = session.row
    if row is None:
        return
    extra = {
        "session": str(row.pk),
        "seconds": round((timezone.now() - row.started_at).total_seconds(), 1),
        "bytes_up": session.meter.up,
        "bytes_down": session.meter.down,
        "code": close.code if close else 1000,
        **place_of(session),
    }
    with transaction.atomic():
        if ConsoleSession.objects.filter(pk=row.pk).delete()[0]:
            reason = close.reason if close else "The browser left."
            _record(row, session.actor, audit.Phase.ENDED, reason=reason, extra=extra)


def end_lost() -> int:
    """Write the ends that a web process before us could not. Only one web process runs: what is open now is lost."""
    lost = list(ConsoleSession.objects.all())
    for row in lost:
        with transaction.atomic():
            if ConsoleSession.objects.filter(pk=row.pk).delete()[0]:
                _record(row, Actor(**row.actor), audit.Phase.ENDED, reason=LOST, extra={"session": str(row.pk)})
    return len(lost)


def _record(
    row: ConsoleSession, actor: Actor, phase: audit.Phase, *, reason: str = "", extra: dict[str, object] | None = None
) -> None:
    audit.record(
        actor, f"console.{row.kind}", kind="Console", uid=row.uid, name=row.name, namespace=row.namespace,
        phase=phase, reason=reason, extra=extra,
    )  # fmt: skip

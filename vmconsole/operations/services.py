"""Opening, moving and closing operations.

Each change stands in the caller's transaction beside what it is about: the wish, the audit entry, the outbox row.
The doorbell (`loop.enqueue`) rings on commit only.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from observability import audit, changes
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict
from vmconsole.operations.models import Operation, State

DEADLINE = timedelta(minutes=10)
MOST_STEPS = 50  # an operation's story, not a log: older lines give way


def begin(
    actor: Actor,
    verb: str,
    *,
    kind: str,
    uid: UUID,
    name: str,
    namespace: str,
    deadline: timedelta = DEADLINE,
    can_cancel: bool = False,
    idempotency_key: str = "",
    diff: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
) -> Operation:
    """Open an operation and write its audit entry. One open operation per subject, or Conflict.

    The same idempotency key of the same person gives the same operation again.
    """
    if idempotency_key:
        earlier = Operation.objects.filter(actor_user_id=actor.user_id, idempotency_key=idempotency_key).first()
        if earlier:
            return earlier
    now = timezone.now()
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                verb=verb,
                subject_kind=kind,
                subject_uid=uid,
                subject_name=name,
                namespace=namespace,
                actor_user_id=actor.user_id,
                actor_name=actor.name,
                actor=asdict(actor),
                idempotency_key=idempotency_key,
                can_cancel=can_cancel,
                data=data or {},
                deadline_at=now + deadline,
            )
    except IntegrityError as error:
        raise busy(uid, name) from error
    audit.record(
        actor, verb, kind=kind, uid=uid, name=name, namespace=namespace, phase=audit.Phase.ACCEPTED,
        operation_uid=operation.uid, diff=diff,
    )  # fmt: skip
    changes.changed("Operation", operation.uid, name, namespace, "ADDED")
    return operation


def busy(uid: UUID, name: str) -> Conflict:
    """The refusal for a subject that has an open operation, naming it."""
    current = open_of(uid)
    what = current.verb if current else "…"
    who = current.actor_name if current else "…"
    sentence = _("%(name)s is busy: %(who)s asked for “%(what)s” and it has not ended yet. Wait for it, or cancel it.")
    return Conflict(sentence % {"name": name, "who": who, "what": what}, reason="Busy")


def open_of(uid: UUID) -> Operation | None:
    return Operation.objects.open().filter(subject_uid=uid).first()


def progress(operation: Operation, percent: float | None, message: str = "") -> None:
    """Note how far it is. Says nothing to anybody when nothing changed by a percent or a word."""
    same = (operation.percent or 0) // 1 == (percent or 0) // 1 and operation.message == message
    if same or not operation.is_open:
        return
    if message and message != operation.message:
        operation.steps = [*operation.steps, {"at": timezone.now().isoformat(), "text": message}][-MOST_STEPS:]
    operation.percent, operation.message = percent, message
    moved = Operation.objects.open().filter(uid=operation.uid)
    with transaction.atomic():
        if moved.update(percent=percent, message=message, steps=operation.steps):
            _tell(operation)


def finish(operation: Operation, message: str = "") -> bool:
    return _close(operation, State.DONE, message, phase=audit.Phase.SUCCEEDED)


def fail(operation: Operation, message: str, *, reason: str = "", detail: str = "") -> bool:
    return _close(operation, State.FAILED, message, phase=audit.Phase.FAILED, reason=reason, detail=detail)


def cancelled(operation: Operation, message: str = "") -> bool:
    return _close(operation, State.CANCELLED, message or _("Cancelled."), phase=audit.Phase.FAILED, reason="Cancelled")


def _close(
    operation: Operation, state: State, message: str, *, phase: audit.Phase, reason: str = "", detail: str = ""
) -> bool:
    """Compare-and-set: an operation ends once, whoever comes second changes nothing and gets False."""
    with transaction.atomic():
        ended = Operation.objects.open().filter(uid=operation.uid)
        values = {
            "state": state, "message": message, "reason": reason, "detail": detail, "finished_at": timezone.now(),
            "seen": state is State.DONE, "percent": 100.0 if state is State.DONE else operation.percent,
        }  # fmt: skip
        if not ended.update(**values):
            return False
        for field, value in values.items():
            setattr(operation, field, value)
        audit.record(
            Actor(**operation.actor), operation.verb, kind=operation.subject_kind, uid=operation.subject_uid,
            name=operation.subject_name, namespace=operation.namespace, phase=phase, operation_uid=operation.uid,
            reason=message if state is not State.DONE else "",
        )  # fmt: skip
        _tell(operation)
    return True


def request_cancel(operation: Operation, actor: Actor) -> None:
    """Ask for its end. The loop does it, and the operation says how it came out."""
    from vmconsole.operations.loop import enqueue

    if not operation.can_cancel:
        raise Conflict(_("“%(verb)s” cannot be cancelled once it has begun.") % {"verb": operation.verb})
    with transaction.atomic():
        if not Operation.objects.open().filter(uid=operation.uid).update(cancel_requested=True):
            raise Conflict(_("This operation has ended already."))
        audit.record(
            actor, "cancel", kind=operation.subject_kind, uid=operation.subject_uid, name=operation.subject_name,
            namespace=operation.namespace, phase=audit.Phase.ACCEPTED, operation_uid=operation.uid,
        )  # fmt: skip
        _tell(operation)
        enqueue(operation.subject_kind, operation.subject_uid)


def acknowledge(operation: Operation) -> None:
    """Somebody has seen the failure; it leaves the panel's front row."""
    with transaction.atomic():
        Operation.objects.filter(uid=operation.uid).update(seen=True)
        _tell(operation)


def _tell(operation: Operation) -> None:
    changes.changed("Operation", operation.uid, operation.subject_name, operation.namespace, "MODIFIED")

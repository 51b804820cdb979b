"""The audit log: who asked for what, was it allowed, how did it end. Nothing happens without its entry.

`record` joins the caller's transaction: when the entry cannot be written, what it tells of does not happen either.
Entries form a hash chain under one writer at a time (`serial`); the end of the chain is sealed with a key that the
database does not hold (`chain`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from observability import chain, rules
from observability.models import AuditEntry, AuditHead, Phase
from observability.serial import one_writer

if TYPE_CHECKING:
    from vmconsole.access.actors import Actor

__all__ = ["Phase", "record"]

_ACTION = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")


def record(
    actor: Actor,
    action: str,
    *,
    kind: str,
    uid: UUID | str | int | None,
    name: str,
    namespace: str,
    phase: Phase | str,
    operation_uid: UUID | str | None = None,
    reason: str = "",
    diff: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Append one entry. `diff` is {field: [before, after]}; secrets in it and in `extra` are hidden here."""
    if not _ACTION.fullmatch(action):
        raise ValueError(f"not an action: {action!r}")
    entry = AuditEntry(
        action=action,
        phase=Phase(phase).value,
        kind=kind,
        uid=text(uid, 64),
        name=text(name, 255),
        namespace=text(namespace, 63),
        operation_uid=text(operation_uid, 36),
        reason=text(reason, 4096),
        diff=rules.kept(diff),
        extra=rules.kept(extra),
        **snapshot(actor),
    )
    with transaction.atomic(savepoint=False):  # an entry that fails takes its caller's transaction with it
        append(entry)
    return entry


def snapshot(actor: Actor) -> dict[str, Any]:
    """The actor as of now: names change, accounts go, the log stays."""
    return {
        "actor_user_id": actor.user_id,
        "actor_name": text(actor.name, 150),
        "auth": text(actor.auth, 16),
        "token_id": text(actor.token_id, 64),
        "session_id": text(actor.session_id, 64),
        "source": text(actor.source, 255),
        "user_agent": text(actor.user_agent, 255),
        "request_id": text(actor.request_id, 64),
    }


def append(entry: AuditEntry) -> None:
    """Give the entry its number and its place in the chain, and move the head."""
    one_writer()
    number, previous = chain.end()
    entry.id, entry.previous = number + 1, previous
    entry.at = timezone.now()
    entry.segment = entry.at.astimezone(UTC).strftime("%Y-%m")
    entry.hash = rules.digest(entry.fields())
    entry.save(force_insert=True)
    head = {"entry_id": entry.id, "hash": entry.hash, "seal": chain.seal(entry.id, entry.hash)}
    if not AuditHead.objects.filter(id=1).update(**head):
        AuditHead.objects.create(id=1, **head)


def text(value: object, limit: int) -> str:
    return "" if value is None else rules.escaped(str(value), limit)

"""What happened to things: written by reconcile and watchers, read by people.

Repeats are counted: a machine that fails to start every 30 s all night is one line with a number.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from observability import changes, rules
from observability.models import Event

SAME_WITHIN = timedelta(hours=1)
KEEP = timedelta(days=30)


@transaction.atomic(savepoint=False)
def record(
    kind: str, uid: UUID | str, name: str, namespace: str, reason: str, message: str, level: str = "Normal"
) -> None:
    """Note a happening. `reason` is one CamelCase word for programs, `message` a sentence for people."""
    now = timezone.now()
    message = rules.escaped(message)
    same = Event.objects.filter(
        kind=kind, uid=str(uid), reason=reason, message=message, level=level, last_at__gte=now - SAME_WITHIN
    )
    latest = same.order_by("-last_at")
    repeated = latest.values_list("pk", flat=True).first()
    if repeated is None:
        pk = Event.objects.create(
            kind=kind, uid=str(uid), name=name, namespace=namespace, level=level, reason=reason, message=message,
            first_at=now, last_at=now,
        ).pk  # fmt: skip
    else:
        pk = repeated
        Event.objects.filter(pk=pk).update(count=F("count") + 1, last_at=now)
    what: changes.What = "ADDED" if repeated is None else "MODIFIED"
    version = changes.changed("Event", uid, name, namespace, what, {"id": pk})
    Event.objects.filter(pk=pk).update(resource_version=version)


def of(uid: UUID | str) -> QuerySet[Event]:
    """Everything that happened to one thing, newest first."""
    return Event.objects.filter(uid=str(uid)).order_by("-last_at", "-id")


def prune() -> int:
    return int(Event.objects.filter(last_at__lt=timezone.now() - KEEP).delete()[0])

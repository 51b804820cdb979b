"""The outbox: everything that changes writes a row here, in the same transaction.

Web processes tail the table by id and feed pages; a watcher that was away goes on from the id it saw last. Old rows
are pruned, but never the newest, so the latest id never goes back.

A row may carry a few columns of its object as they were then. Who reads the object itself comes a moment later, and
would miss a state that lasted less than that, or find nothing where it was deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, Literal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from observability.models import Change
from observability.serial import one_writer
from vmconsole.prepared import Prepared

KEEP_AGE = timedelta(hours=24)
KEEP_LEAST = 10_000
KEEP_MOST = 1_000_000
CHANNEL = "vmconsole_changes"

What = Literal["ADDED", "MODIFIED", "DELETED"]


def changed(
    kind: str, uid: UUID | str, name: str, namespace: str, what: What, seen: Mapping[str, Any] | None = None
) -> int:
    """Tell the watchers, when this transaction commits. Returns the new resourceVersion.

    `seen` are columns of the row as they are now (`seen_of`); its `resource_version` leads to the change before.
    """
    with transaction.atomic(savepoint=False):
        one_writer()
        change = Change.objects.create(
            kind=kind, uid=str(uid), name=name, namespace=namespace, what=what, seen=dict(seen or {})
        )
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:  # delivered at commit; a hint to look, nothing more
                cursor.execute(f"NOTIFY {CHANNEL}")
    return change.id


def seen_of(row: Model, names: Iterable[str] = ()) -> dict[str, Any]:
    """These columns as the database has them now, so that an old copy in memory tells no old news.

    Of a row that is gone, and without names, all of them as they were last: nobody can read them again.
    """
    wanted = tuple(names)
    now = _columns_of(type(row), wanted).one(row.pk) if wanted else None
    if now is None:
        return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}  # noqa: SLF001
    return {name: getattr(now, name) for name in wanted}


@cache
def _columns_of(model: type[Model], names: tuple[str, ...]) -> Prepared[Model]:
    key = model._meta.pk  # noqa: SLF001
    assert key is not None
    return Prepared(model._default_manager.order_by().only(*names), key.name)  # noqa: SLF001


def latest() -> int:
    """The newest id, 0 before the first change."""
    return Change.objects.order_by("-id").values_list("id", flat=True).first() or 0


def oldest() -> int:
    """The oldest id that is still kept: a watcher further behind must list again."""
    return Change.objects.order_by("id").values_list("id", flat=True).first() or 0


def since(after: int, limit: int = 1000) -> Sequence[Change]:
    """What came after `after`, in order."""
    return list(Change.objects.filter(id__gt=after).order_by("id")[:limit])


def prune() -> int:
    """Drop what is old, or too much. The newest `KEEP_LEAST` stay whatever their age."""
    top = latest()
    old = Change.objects.filter(at__lt=timezone.now() - KEEP_AGE, id__lte=top - KEEP_LEAST)
    too_many = Change.objects.filter(id__lte=top - KEEP_MOST)
    return int(old.delete()[0]) + int(too_many.delete()[0])

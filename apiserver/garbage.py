"""What belonged to something that is gone: deleted in the background, as owner references say.

An owner of a kind we do not know may exist elsewhere, so it counts as living. What may not go yet (a disk in use, say)
is tried again at the next resync.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import transaction

from apiserver.kinds import KINDS, Asking, Kind
from observability import changes
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Refused
from vmconsole.access.models import User
from vmconsole.operations import loop

CARETAKER = "OwnerReferences"


def collector() -> Asking:
    """Who deletes: the console itself, for whoever wrote the reference."""
    return Asking(User(username="system:garbage", is_superuser=True), Actor.system("garbage"))


def owning_kinds() -> list[Kind]:
    return [kind for kind in KINDS if kind.delete]


def unsettled() -> Iterable[UUID]:
    """Owners that are named and gone."""
    named = {(ref["apiVersion"], ref["kind"], ref["uid"]) for _kind, row in owned() for ref in row.owner_references}
    found = set()
    for version, name, uid in named:
        with suppress(ValueError):
            if not living(version, name, UUID(uid)):
                found.add(UUID(uid))
    return found


def owned() -> Iterator[tuple[Kind, Any]]:
    """Every row that belongs to something and is not going yet."""
    asking = collector()
    for kind in owning_kinds():
        for row in kind.rows(asking.user).exclude(owner_references=[]).filter(deletion_requested_at=None):
            yield kind, row


def living(version: str, name: str, uid: UUID) -> bool:
    kind = next((kind for kind in KINDS if (kind.api_version, kind.name) == (version, name)), None)
    if kind is None or not kind.delete:
        return True
    return is_row(kind, uid)


def is_row(kind: Kind, uid: UUID) -> bool:
    """Whether it is there at all: also an owner in the trash, which nobody sees and may come back, is one."""
    return bool(kind.rows(collector().user).model.objects.filter(uid=uid).exists())


def collect(uid: UUID) -> None:
    """Delete what belonged to this owner alone; take its name off what has others."""
    if any(is_row(kind, uid) for kind in owning_kinds()):
        return
    for kind, row in dependents(uid):
        rest = [ref for ref in row.owner_references if ref["uid"] != str(uid)]
        with suppress(Refused), transaction.atomic():
            if rest:
                disown(kind, row, uid)
            else:
                _delete(kind, row)


def dependents(uid: UUID) -> list[tuple[Kind, Any]]:
    return [(kind, row) for kind, row in owned() if any(ref["uid"] == str(uid) for ref in row.owner_references)]


def _delete(kind: Kind, row: Any) -> None:
    assert kind.delete is not None
    kind.delete(collector(), row)


def disown(kind: Kind, row: Any, uid: UUID) -> None:
    rest = [ref for ref in row.owner_references if ref["uid"] != str(uid)]
    rows = type(row).objects.filter(pk=row.pk)
    rows.update(owner_references=rest)
    version = changes.changed(kind.change, row.uid, row.name, getattr(row, "namespace", ""), "MODIFIED")
    rows.update(resource_version=version)


def before(row: Any, policy: str) -> None:
    """What the deletion of an owner does at once: with Orphan its own stay, with Foreground they go first."""
    for kind, each in dependents(row.uid) if policy != "Background" else ():
        if policy == "Orphan":
            disown(kind, each, row.uid)
        else:
            _delete(kind, each)


def register() -> None:
    loop.register(CARETAKER, collect, unsettled)

"""Which machine a uid is, and whether it is in the trash: told by the app that owns machines, which stands above.

subjects.register(lookup, trashed)     # in AppConfig.ready; called in a thread, may use the database
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import UUID

from django.utils.translation import gettext as _

from observability.collector import Name

Lookup = Callable[[UUID], Name | None]
Trashed = Callable[[Collection[UUID]], set[UUID]]
_lookups: list[Lookup] = []
_trashes: list[Trashed] = []


def register(lookup: Lookup, trashed: Trashed) -> None:
    if lookup not in _lookups:
        _lookups.append(lookup)
        _trashes.append(trashed)


def find(uid: UUID) -> Name | None:
    """Its labels, or None when there is no such machine."""
    found = (lookup(uid) for lookup in _lookups)
    return next((name for name in found if name is not None), None)


def trashed(uids: Collection[UUID]) -> set[UUID]:
    """Those of them that are in the trash: what they keep, nobody else gets, and no list shows why."""
    return set().union(*(ask(uids) for ask in _trashes))


def called(uid: UUID | None, name: str) -> str:
    """A machine's name in a sentence about what it keeps from others."""
    hidden = uid is not None and trashed([uid])
    return _("%(name)s (in the trash)") % {"name": name} if hidden else name

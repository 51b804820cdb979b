"""Which machine a uid is: told by the app that owns machines, which stands above this one.

subjects.register(lookup)     # in AppConfig.ready; called in a thread, may use the database
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from observability.collector import Name

Lookup = Callable[[UUID], Name | None]
_lookups: list[Lookup] = []


def register(lookup: Lookup) -> None:
    if lookup not in _lookups:
        _lookups.append(lookup)


def find(uid: UUID) -> Name | None:
    """Its labels, or None when there is no such machine."""
    found = (lookup(uid) for lookup in _lookups)
    return next((name for name in found if name is not None), None)

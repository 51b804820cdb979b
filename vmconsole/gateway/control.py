"""Who may drive a screen that several people look at: pure decisions.

One drives, the others watch. Whoever comes first drives; control moves when it is handed over, when its holder has
been idle for a while or has left, and at once to an administrator of the namespace or to the same person elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Person(Protocol):
    """Somebody at a screen."""

    @property
    def user_id(self) -> int: ...

    @property
    def writable(self) -> bool: ...

    @property
    def is_admin(self) -> bool: ...

    @property
    def asks(self) -> bool: ...


P = TypeVar("P", bound=Person)


def drives_on_arrival(comer: Person, driver: Person | None, kept_for: int | None) -> bool:
    """Whether somebody who comes drives at once. `kept_for`: who drove a moment ago, and may be on their way back."""
    if not comer.writable:
        return False
    if driver is not None:
        return driver.user_id == comer.user_id
    return kept_for in (None, comer.user_id)


def may_take(asker: Person, driver: Person | None, *, idle: bool) -> bool:
    """Without being handed it."""
    if not asker.writable or asker is driver:
        return False
    return driver is None or idle or asker.is_admin or asker.user_id == driver.user_id


def how_taken(asker: Person, driver: Person | None, *, idle: bool) -> str:
    """In one word, for the audit: the mildest reason that holds."""
    if driver is None:
        return "left"
    if asker.user_id == driver.user_id:
        return "moved"
    return "idle" if idle else "taken"


def heir(people: Iterable[P]) -> P | None:
    """Who drives when nobody does: the first who asked, else the first who came. They are in order of arrival."""
    able = [person for person in people if person.writable]
    return next((person for person in able if person.asks), able[0] if able else None)

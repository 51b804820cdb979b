"""What a change changed, field by field: before and after, down to the leaves. Pure.

An entry keeps whole parts of an object ([before, after]); people want the one line in it that is different. Secrets
were hidden before they were written, so there are none left to hide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST = 200  # lines; more is a new object, not a change
DEEP = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One field. `how` is added, removed, changed; said, where there is no before; or hidden, where all that is
    different is a secret."""

    name: str
    how: str
    before: Any = None
    after: Any = None


def lines(changes: Mapping[str, Any]) -> list[Line]:
    found: list[Line] = []
    for name, value in changes.items():
        if isinstance(value, list) and len(value) == 2:
            found += list(compared(name, value[0], value[1])) or [Line(name, "hidden")]
        else:
            found.append(Line(name, "said", after=value))
    return found[:MOST]


def compared(name: str, before: Any, after: Any, depth: int = 0) -> Iterator[Line]:
    """The leaves that differ below this field."""
    if before == after:
        return
    if depth < DEEP and any(_has_parts(side) for side in (before, after)):
        mine, theirs = _parts(before), _parts(after)
        if mine is not None and theirs is not None:
            for key in [*mine, *(key for key in theirs if key not in mine)]:
                yield from compared(f"{name}{key}", mine.get(key), theirs.get(key), depth + 1)
            return
    how = "added" if _nothing(before) else "removed" if _nothing(after) else "changed"
    yield Line(name, how, before, after)


def _nothing(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _has_parts(value: Any) -> bool:
    return bool(value) and (isinstance(value, Mapping) or (isinstance(value, list) and _named(value)))


def _parts(value: Any) -> dict[str, Any] | None:
    """Its fields by how they go on with the name above; None for a plain value, which has none."""
    if _nothing(value):
        return {}
    if isinstance(value, Mapping):
        return {f".{key}": part for key, part in value.items()}
    if isinstance(value, list) and _named(value):
        return {f"[{_name(part) or number}]": part for number, part in enumerate(value)}
    return None


def _named(value: list[Any]) -> bool:
    """Only lists of objects are taken apart: two lists of words say more side by side."""
    return all(isinstance(part, Mapping) for part in value)


def _name(part: Mapping[str, Any]) -> str:
    """What an object in a list is called, so that one more at the front does not change all behind it."""
    keys = ("name", "virtual_machine_disk_name", "virtualMachineDiskName")
    return next((str(part[key]) for key in keys if part.get(key)), "")

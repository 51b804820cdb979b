"""What can be looked at: told by whoever owns the machines, as the gateway stands below them and cannot ask.

targets.register("VirtualMachine", lookup)     # in AppConfig.ready
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ConsoleTarget:
    """Where a machine's screen and serial port are. Sockets are paths; an empty one means the usual place.

    `vnc_port` is for machines made outside: a VNC server on 127.0.0.1. `has_serial` is false when its serial port
    is of a kind that cannot be opened from here.
    """

    namespace: str
    name: str
    running: bool = True
    vnc_socket: str = ""
    vnc_port: int = 0
    serial_socket: str = ""
    serial_log: str = ""
    has_screen: bool = True
    has_serial: bool = True


Lookup = Callable[[UUID], ConsoleTarget | None]
Places = Callable[[Collection[UUID]], dict[UUID, str]]

_lookups: dict[str, Lookup] = {}
_places: dict[str, Places] = {}


def register(kind: str, lookup: Lookup, places: Places | None = None) -> None:
    """`lookup` is called in a thread, may use the database, and answers None for what is not there.

    `places` tells the namespaces of many at once, without those that are not there.
    """
    _lookups[kind] = lookup
    _places[kind] = places or (lambda uids: {uid: it.namespace for uid in uids if (it := lookup(uid))})


def find(uid: UUID) -> ConsoleTarget | None:
    for lookup in _lookups.values():
        target = lookup(uid)
        if target is not None:
            return target
    return None


def namespaces_of(uids: Iterable[str]) -> dict[str, str]:
    """The namespace of each of these that is there. What is no uid is not there."""
    wanted = {}
    for text in uids:
        with suppress(ValueError):
            wanted[UUID(text)] = text
    found: dict[str, str] = {}
    for places in _places.values():
        found |= {wanted[uid]: namespace for uid, namespace in places(wanted.keys()).items()}
    return found

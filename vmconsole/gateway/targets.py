"""What can be looked at: told by whoever owns the machines, as the gateway stands below them and cannot ask.

targets.register("VirtualMachine", lookup)     # in AppConfig.ready
"""

from __future__ import annotations

from collections.abc import Callable
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

_lookups: dict[str, Lookup] = {}


def register(kind: str, lookup: Lookup) -> None:
    """`lookup` is called in a thread, may use the database, and answers None for what is not there."""
    _lookups[kind] = lookup


def find(uid: UUID) -> ConsoleTarget | None:
    for lookup in _lookups.values():
        target = lookup(uid)
        if target is not None:
            return target
    return None

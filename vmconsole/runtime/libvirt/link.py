"""Connections to libvirtd that come back by themselves.

libvirtd may be restarted at any time while its guests go on, so nobody holds a `virConnect`: each call borrows one,
alone. libvirt's client can miss an answer when threads share a connection and one of them waits long (it then comes
with the next keepalive, seconds later). A process opens its own on first use: libvirt cannot cross a fork.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from typing import TypeVar

import libvirt

from vmconsole.runtime.errors import RuntimeFault, Unreachable
from vmconsole.runtime.libvirt.faults import QemuSilent, answered, translated

T = TypeVar("T")
# libvirtd is asked each 5 s and given up after 3 silences. Less and a loaded host loses its connection for nothing,
# more and a hung daemon holds our workers longer.
KEEPALIVE = (5, 3)
# A restarted libvirtd is back in 0.3 s: the first calls after the loss wait this long for it, later ones do not.
GRACE = 1.0
REDIAL = 0.05
OPEN_WITHIN = 10.0
BACK_OFF = (0.1, 5.0)
# Idle connections kept for the next call. A call that finds none dials in some milliseconds.
SPARE = 4


class EventLoop:
    """libvirt's event loop: one per process, started before the first open."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pid = 0

    def start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            if self._pid:
                raise Unreachable(
                    "This process was forked from one that talked to libvirt, and cannot.",
                    detail=f"forked from {self._pid}: open the connection after the fork",
                    reason="Forked",
                )
            with translated("start libvirt's event loop"):
                libvirt.registerErrorHandler(lambda _context, _error: None, None)  # else it prints each error to stderr
                libvirt.virEventRegisterDefaultImpl()
            self._pid = os.getpid()
            Thread(target=self._turn, name="libvirt-events", daemon=True).start()

    def _turn(self) -> None:
        while True:
            with suppress(RuntimeFault), translated("wait for events"):
                libvirt.virEventRunDefaultImpl()


EVENTS = EventLoop()


class Link:
    """The way to one libvirtd."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.closed = False
        self._lock = Lock()
        self._idle: list[libvirt.virConnect] = []
        self._lost_at = 0.0

    @contextmanager
    def host(self, doing: str) -> Iterator[libvirt.virConnect]:
        """A connection of one's own; whatever libvirt raises inside is translated."""
        host = self._borrow()
        try:
            with translated(doing):
                yield host
        except QemuSilent:
            raise  # the call that got no answer still waits on this connection: it is nobody's any more
        except Unreachable:
            self._forget()  # the idle ones broke with it, though not each knows yet
            raise
        except BaseException:
            self._return(host)
            raise
        self._return(host)

    def look(self, doing: str, ask: Callable[[libvirt.virConnect], T]) -> T:
        """Ask something that may be asked twice, and do so when the connection breaks under it."""
        try:
            with self.host(doing) as host:
                return ask(host)
        except Unreachable:
            with self.host(doing) as host:
                return ask(host)

    def alive(self) -> bool:
        """Whether libvirtd answers now."""
        try:
            self.look("reach the host", lambda host: host.getLibVersion())
        except RuntimeFault:
            return False
        return True

    def dial(self) -> libvirt.virConnect:
        """A new connection. The first to find libvirtd gone waits a moment for its restart."""
        EVENTS.start()
        while not self.closed:
            try:
                host = answered(self._open, within=OPEN_WITHIN)
            except RuntimeFault as fault:
                self._lost_at = self._lost_at or time.monotonic()
                if time.monotonic() - self._lost_at > GRACE:
                    if isinstance(fault, Unreachable):
                        raise
                    raise Unreachable(
                        "The host's libvirt cannot be reached. It is tried again by itself.",
                        detail=fault.detail,
                        reason="Unreachable",
                    ) from fault
                time.sleep(REDIAL)
            else:
                self._lost_at = 0.0
                return host
        raise Unreachable("The connection to the host was closed.")

    def dial_until_there(self) -> libvirt.virConnect:
        """For a thread that has nothing else to do."""
        pause, longest = BACK_OFF
        while True:
            try:
                return self.dial()
            except Unreachable:
                if self.closed:
                    raise
                time.sleep(pause)
                pause = min(pause * 2, longest)

    def close(self) -> None:
        self.closed = True
        self._forget()

    def _forget(self) -> None:
        with self._lock:
            hosts, self._idle = self._idle, []
        for host in hosts:
            hang_up(host)

    def _open(self) -> libvirt.virConnect:
        with translated("reach the host"):
            host = libvirt.open(self.url)
            host.setKeepAlive(*KEEPALIVE)
            return host

    def _borrow(self) -> libvirt.virConnect:
        EVENTS.start()
        while True:
            with self._lock:
                host = self._idle.pop() if self._idle else None
            if host is None:
                return self.dial()
            if host.isAlive() == 1:
                return host

    def _return(self, host: libvirt.virConnect) -> None:
        with self._lock:
            if not self.closed and len(self._idle) < SPARE:
                self._idle.append(host)
                return
        hang_up(host)


def hang_up(host: libvirt.virConnect) -> None:
    with suppress(RuntimeFault), translated("close the connection"):
        host.close()

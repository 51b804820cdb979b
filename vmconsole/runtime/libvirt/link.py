"""One connection to libvirtd that comes back by itself.

libvirtd may be restarted at any time while its guests go on, so nobody holds a `virConnect`: each call asks the link
for one. A process opens its own on first use; libvirt cannot cross a fork, so forked workers must not inherit one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread

import libvirt

from vmconsole.runtime.errors import RuntimeFault, Unreachable
from vmconsole.runtime.libvirt.faults import answered, translated

# libvirtd is asked each 5 s and given up after 3 silences. Less and a loaded host loses its connection for nothing,
# more and a hung daemon holds our workers longer.
KEEPALIVE = (5, 3)
# A restarted libvirtd is back in 0.3 s: the first call after the loss waits this long for it, later ones do not.
GRACE = 1.0
OPEN_WITHIN = 10.0
BACK_OFF = (0.1, 5.0)


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
    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = Lock()
        self._host: libvirt.virConnect | None = None
        self._lost_at = 0.0
        self.closed = False
        self._lost: list[Callable[[], None]] = []

    @contextmanager
    def host(self, doing: str) -> Iterator[libvirt.virConnect]:
        """A live connection to work with; whatever libvirt raises inside is translated."""
        host = self._living()
        with translated(doing):
            yield host

    def alive(self) -> bool:
        """Whether libvirtd answers now. Dials when it does not."""
        try:
            with self.host("reach the host") as host:
                host.getLibVersion()
        except RuntimeFault:
            return False
        return True

    def on_lost(self, call: Callable[[], None]) -> None:
        """Tell when the connection breaks. Called from libvirt's event thread: must not ask libvirt anything."""
        self._lost.append(call)

    def come_back(self) -> None:
        """Dial until it answers, with back-off. For the one thread that has nothing else to do."""
        pause, longest = BACK_OFF
        while not self.closed:
            try:
                self._living()
            except Unreachable:
                time.sleep(pause)
                pause = min(pause * 2, longest)
            else:
                return

    def close(self) -> None:
        with self._lock:
            self.closed = True
            host, self._host = self._host, None
        if host is not None:
            with suppress(RuntimeFault), translated("close the connection"):
                host.close()
        for call in self._lost:  # wakes watchers, who see that it is closed
            call()

    def _living(self) -> libvirt.virConnect:
        EVENTS.start()
        with self._lock:
            if self.closed:
                raise Unreachable("The connection to the host was closed.")
            if self._host is not None and self._host.isAlive() == 1:
                return self._host
            self._host = self._dial()
            return self._host

    def _dial(self) -> libvirt.virConnect:
        if self._lost_at == 0.0:
            self._lost_at = time.monotonic()
        while True:
            try:
                host = answered(self._open, within=OPEN_WITHIN)
            except RuntimeFault as fault:
                if time.monotonic() - self._lost_at > GRACE:
                    raise Unreachable(
                        "The host's libvirt cannot be reached. It is tried again by itself.", detail=fault.detail
                    ) from fault
                time.sleep(0.05)
            else:
                self._lost_at = 0.0
                return host

    def _open(self) -> libvirt.virConnect:
        with translated("reach the host"):
            host = libvirt.open(self.url)
            host.setKeepAlive(*KEEPALIVE)
            host.registerCloseCallback(self._closed_by_host, None)
            return host

    def _closed_by_host(self, _host: libvirt.virConnect, _reason: int, _opaque: None) -> None:
        for call in self._lost:
            call()

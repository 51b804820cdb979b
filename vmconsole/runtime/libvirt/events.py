"""Hints that something happened to a machine, from libvirt's events.

Callbacks run in libvirt's own thread and must not ask libvirt anything, so they only put uids into a queue; a thread of
ours takes them out. Events are lost with the connection: after it is back, everything is to be looked at.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from uuid import UUID

import libvirt

from vmconsole.runtime.errors import RuntimeFault
from vmconsole.runtime.libvirt.faults import translated
from vmconsole.runtime.libvirt.link import Link, hang_up

log = logging.getLogger(__name__)
KINDS = (
    libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
    libvirt.VIR_DOMAIN_EVENT_ID_REBOOT,
    libvirt.VIR_DOMAIN_EVENT_ID_IO_ERROR,
    libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED,
    libvirt.VIR_DOMAIN_EVENT_ID_TRAY_CHANGE,
    libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB,
    libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
)


# A host that refuses to tell of events is asked again, but not in a tight circle.
ASK_AGAIN = 1.0


class Events:
    """Everybody who watches one link; libvirt takes one subscription of each kind from it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = Lock()
        self._watchers: tuple[Callable[[UUID | None], None], ...] = ()
        self._happened: SimpleQueue[UUID | Lost] = SimpleQueue()

    def watch(self, look_at: Callable[[UUID | None], None]) -> None:
        """From now on, until the connection is closed."""
        with self._lock:
            first = not self._watchers
            self._watchers = (*self._watchers, look_at)
        if first:
            Thread(target=self._run, name="libvirt-watch", daemon=True).start()

    def close(self) -> None:
        self._happened.put(LOST)

    def _run(self) -> None:
        host = self._subscribe()
        while not self._link.closed:
            uid = self._happened.get()
            if isinstance(uid, Lost):
                host = self._subscribe()
                self._tell(None)
            else:
                self._tell(uid)
        if host is not None:
            hang_up(host)

    def _tell(self, uid: UUID | None) -> None:
        for look_at in self._watchers:
            try:
                look_at(uid)
            except Exception:
                log.exception("a watcher failed at machine %s", uid)

    def _subscribe(self) -> libvirt.virConnect | None:
        """On a connection of its own, which must be held as long as events are wanted."""
        while not self._link.closed:
            try:
                host = self._link.dial_until_there()
                with translated("follow the machines' events"):
                    host.registerCloseCallback(self._lose, None)
                    for kind in KINDS:
                        host.domainEventRegisterAny(None, kind, self._note, None)
            except RuntimeFault as fault:
                log.warning("cannot follow events: %s", fault)
                time.sleep(ASK_AGAIN)
            else:
                return host
        return None

    def _lose(self, _host: libvirt.virConnect, _reason: int, _opaque: None) -> None:
        self._happened.put(LOST)

    def _note(self, _host: libvirt.virConnect, domain: libvirt.virDomain, *_details: object) -> None:
        self._happened.put(UUID(bytes=domain.UUID()))


class Lost:
    """The connection broke, and with it the events until now."""


LOST = Lost()

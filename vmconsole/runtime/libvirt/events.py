"""Hints that something happened to a machine, from libvirt's events.

Callbacks run in libvirt's own thread and must not ask libvirt anything, so they only put uids into a queue; a thread of
ours takes them out. Events are lost with the connection: after it is back, everything is to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from uuid import UUID

import libvirt

from vmconsole.runtime.errors import RuntimeFault
from vmconsole.runtime.libvirt.link import Link

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


class Watch:
    """One watcher. Starts at once and ends with the connection."""

    def __init__(self, link: Link, look_at: Callable[[UUID | None], None]) -> None:
        self._link = link
        self._look_at = look_at
        self._happened: SimpleQueue[UUID | Lost] = SimpleQueue()
        link.on_lost(lambda: self._happened.put(LOST))
        Thread(target=self._run, name="libvirt-watch", daemon=True).start()

    def _run(self) -> None:
        self._subscribe()
        while not self._link.closed:
            uid = self._happened.get()
            if isinstance(uid, Lost):
                self._subscribe()
                self._look_at(None)
            else:
                self._look_at(uid)

    def _subscribe(self) -> None:
        while not self._link.closed:
            self._link.come_back()
            try:
                with self._link.host("follow the machines' events") as host:
                    for kind in KINDS:
                        host.domainEventRegisterAny(None, kind, self._note, None)
            except RuntimeFault:
                continue  # lost again meanwhile
            return

    def _note(self, _host: libvirt.virConnect, domain: libvirt.virDomain, *_details: object) -> None:
        self._happened.put(UUID(bytes=domain.UUID()))


class Lost:
    """The connection broke, and with it the events until now."""


LOST = Lost()

"""One open libvirt host behind the contract: opened lazily, back by itself after libvirtd was away.

Making a connection object asks nobody anything: a worker pool may make it before it forks, and it is good even while
the host is down.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from vmconsole.runtime.libvirt.events import Events
from vmconsole.runtime.libvirt.link import Link
from vmconsole.runtime.libvirt.machines import Machines
from vmconsole.runtime.libvirt.metrics import Metrics
from vmconsole.runtime.libvirt.networks import Networks
from vmconsole.runtime.libvirt.nodes import Nodes
from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.libvirt.volumes import LibvirtVolumes
from vmconsole.runtime.types import Can, NodeSeen


class Connection:
    def __init__(self, url: str, state: Path) -> None:
        self._link = Link(url)
        self._places = Places(state)
        self.machines = Machines(self._link, self._places, socket.gethostname())
        self.networks = Networks(self._link)
        self.metrics = Metrics(self._link)
        self.volumes = LibvirtVolumes(state, resize_live=self.machines.resize_disk)
        self._events = Events(self._link)
        self._nodes = Nodes(self._link, self._places)

    @property
    def capabilities(self) -> Can:
        can = ~Can.NONE
        firmware = self._nodes.firmware()
        if "efi" not in firmware:
            can &= ~(Can.UEFI | Can.SECURE_BOOT)
        if "secure" not in firmware:
            can &= ~Can.SECURE_BOOT
        return can

    def nodes(self) -> list[NodeSeen]:
        return [self._nodes.look()]

    def watch(self, look_at: Callable[[UUID | None], None]) -> None:
        self._events.watch(look_at)

    def alive(self) -> bool:
        return self._link.alive()

    def close(self) -> None:
        self._link.close()
        self._events.close()


def open_connection(url: str, state: Path) -> Connection:
    return Connection(url, state)

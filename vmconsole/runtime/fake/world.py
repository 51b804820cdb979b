"""The one host of the fake: its shelves, its clock and its size."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from vmconsole.runtime.fake.faults import Faults
from vmconsole.runtime.fake.records import Machine, Network, Volume
from vmconsole.runtime.fake.store import Shelf, Store
from vmconsole.runtime.types import NodeSeen

GIB = 2**30


@dataclass(slots=True)
class World:
    """`transition_seconds` is how long starting and stopping take; imports take a few times that."""

    store: Store
    clock: Callable[[], float] = time.time
    transition_seconds: float = 1.0
    node_name: str = "fake-1"
    cpus: int = 256
    memory_bytes: int = 2048 * GIB
    storage_bytes: int = 256 * 1024 * GIB
    bridges: tuple[str, ...] = ("br0", "br1")
    faults: Faults = field(init=False)
    machines: Shelf[Machine] = field(init=False)
    volumes: Shelf[Volume] = field(init=False)
    networks: Shelf[Network] = field(init=False)

    def __post_init__(self) -> None:
        self.faults = Faults(self.store)
        self.machines = Shelf(self.store, "machine", Machine)
        self.volumes = Shelf(self.store, "volume", Volume)
        self.networks = Shelf(self.store, "network", Network)

    def running(self, now: float) -> list[Machine]:
        return [machine for machine in self.machines.all().values() if machine.is_on(now)]

    def free_memory_bytes(self, now: float) -> int:
        return self.memory_bytes - sum((m.running or m.spec).memory_bytes for m in self.running(now))

    def node(self) -> NodeSeen:
        now = self.clock()
        specs = [machine.running or machine.spec for machine in self.running(now)]
        allocated = sum(volume.seen(now).allocated_bytes for volume in self.volumes.all().values())
        return NodeSeen(
            name=self.node_name,
            cpus=self.cpus,
            memory_bytes=self.memory_bytes,
            arch="x86_64",
            hypervisor="Fake 1",
            accelerator="fake",
            kernel="none",
            used_vcpus=sum(spec.vcpus for spec in specs),
            used_memory_bytes=sum(spec.memory_bytes for spec in specs),
            storage_bytes=self.storage_bytes,
            storage_free_bytes=self.storage_bytes - allocated,
            bridges=self.bridges,
        )


def open_world(url: str, state: Path | None) -> World:
    """`fake:?seconds=0.2&memory_gib=64`; empty for the defaults. Without a state folder the world is in memory."""
    wishes = dict(parse_qsl(urlsplit(url).query))
    world = World(Store(None if state is None else state / "fake" / "world.sqlite3"))
    if "seconds" in wishes:
        world.transition_seconds = float(wishes["seconds"])
    if "memory_gib" in wishes:
        world.memory_bytes = int(float(wishes["memory_gib"]) * GIB)
    return world

"""Counters that grow as those of a busy machine would.

Each is the integral of a load curve that belongs to the machine's uid, so nothing is stored, counters never go back,
and every process tells the same figures.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from vmconsole.runtime.fake.records import Machine, fraction
from vmconsole.runtime.fake.world import World
from vmconsole.runtime.types import DiskSample, HostSample, NicSample, Power, Sample

_PAGE = 4096


class FakeMetrics:
    def __init__(self, world: World) -> None:
        self._world = world

    def sample(self, uids: Iterable[UUID] | None = None) -> builtins.list[Sample]:
        self._world.faults.strike()
        now = self._world.clock()
        if uids is None:
            machines = self._world.running(now)
        else:
            found = (self._world.machines.get(str(uid)) for uid in uids)
            machines = [machine for machine in found if machine is not None]
        return [sample_of(machine, now) for machine in machines if machine.power_at(now) in {Power.ON, Power.PAUSED}]

    def host(self) -> HostSample | None:
        """As busy as its machines are, and a little more."""
        now = self._world.clock()
        node = self._world.node()
        busy = sum(cpu_seconds(machine, now) for machine in self._world.running(now))
        return HostSample(
            at=now,
            total_seconds=now * node.cpus,
            idle_seconds=max(now * node.cpus - busy, 0.0),
            memory_bytes=node.memory_bytes,
            memory_available_bytes=max(node.memory_bytes - node.used_memory_bytes, 0),
            stalled_cpu_seconds=busy * 0.02,
            stalled_disk_seconds=busy * 0.01,
            stalled_memory_seconds=0.0,
        )


def sample_of(machine: Machine, now: float) -> Sample:
    spec = machine.running or machine.spec
    uid, seconds = spec.uid, max(0.0, now - machine.started_at)
    cpu = cpu_seconds(machine, now)
    used = 0.25 + 0.5 * load(uid, "memory", seconds)
    return Sample(
        uid=uid,
        at=now,
        power=machine.power_at(now),
        cpu_seconds=cpu,
        vcpus=spec.vcpus,
        vcpu_seconds=tuple(cpu / spec.vcpus for _ in range(spec.vcpus)) if spec.vcpus else (),
        vcpu_delays=tuple(0.03 * cpu / spec.vcpus for _ in range(spec.vcpus)) if spec.vcpus else (),
        memory_domain_bytes=spec.memory_bytes,
        memory_resident_bytes=_pages(spec.memory_bytes * min(1.0, used + 0.2)),
        memory_available_bytes=_pages(spec.memory_bytes * 0.97),
        memory_unused_bytes=_pages(spec.memory_bytes * (0.97 - used) * 0.6),
        memory_usable_bytes=_pages(spec.memory_bytes * (0.97 - used)),
        swap_in_bytes=0,
        swap_out_bytes=0,
        disks=tuple(_disk(uid, disk.name, seconds) for disk in spec.disks if not disk.cdrom),
        nics=tuple(_nic(uid, nic.name, seconds) for nic in spec.nics),
    )


def cpu_seconds(machine: Machine, now: float) -> float:
    spec = machine.running or machine.spec
    return load_seconds(spec.uid, "cpu", max(0.0, now - machine.started_at)) * spec.vcpus


def load(uid: UUID, what: str, seconds: float) -> float:
    """How busy, 0 to 1: three waves of the machine's own length and height."""
    waves = sum(height * math.sin(speed * seconds + shift) for height, speed, shift in _waves(uid, what))
    return 0.5 + waves


def load_seconds(uid: UUID, what: str, seconds: float) -> float:
    """The integral of `load` from 0: never falls, for the waves together are smaller than one half."""

    def at(t: float) -> float:
        return 0.5 * t - sum(height / speed * math.cos(speed * t + shift) for height, speed, shift in _waves(uid, what))

    return at(seconds) - at(0.0)


@lru_cache(16_384)
def _waves(uid: UUID, what: str) -> builtins.list[tuple[float, float, float]]:
    lengths = (20.0, 170.0, 3600.0)
    return [
        (
            0.05 + 0.1 * fraction(uid, f"{what} height {length}"),
            2 * math.pi / (length * (0.5 + fraction(uid, f"{what} speed {length}"))),
            2 * math.pi * fraction(uid, f"{what} shift {length}"),
        )
        for length in lengths
    ]


def _pages(size: float) -> int:
    return max(0, int(size) // _PAGE * _PAGE)


def _disk(uid: UUID, name: str, seconds: float) -> DiskSample:
    reads = int(load_seconds(uid, f"{name} read", seconds) * 400)
    writes = int(load_seconds(uid, f"{name} write", seconds) * 150)
    return DiskSample(
        name=name,
        read_bytes=reads * 16 * 1024,
        write_bytes=writes * 24 * 1024,
        read_requests=reads,
        write_requests=writes,
        flush_requests=writes // 20,
        read_seconds=reads * 0.0004,
        write_seconds=writes * 0.0011,
        capacity_bytes=20 * 2**30,
        allocated_bytes=min(20 * 2**30, 2 * 2**30 + writes * 512),
    )


def _nic(uid: UUID, name: str, seconds: float) -> NicSample:
    received = int(load_seconds(uid, f"{name} receive", seconds) * 900)
    sent = int(load_seconds(uid, f"{name} transmit", seconds) * 600)
    return NicSample(
        name=name,
        receive_bytes=received * 812,
        transmit_bytes=sent * 340,
        receive_packets=received,
        transmit_packets=sent,
        receive_dropped=received // 100_000,
    )

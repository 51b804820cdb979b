"""Looks at imaginary machines, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from vmconsole.runtime.errors import Unreachable
from vmconsole.runtime.types import DiskSample, HostSample, NicSample, Power, Sample

UID = UUID(int=1)
GIB = 1 << 30


def sample(at: float, cpu: float = 0.0, *, uid: UUID = UID, **more: Any) -> Sample:
    look = Sample(
        uid=uid,
        at=at,
        power=Power.ON,
        cpu_seconds=cpu,
        vcpus=2,
        vcpu_seconds=(cpu / 2, cpu / 2),
        memory_domain_bytes=GIB,
        memory_resident_bytes=GIB // 2,
        disks=(DiskSample("vda", read_bytes=int(at) * 1000, read_requests=int(at), read_seconds=at / 100),),
        nics=(NicSample("net0", receive_bytes=int(at) * 10),),
    )
    return replace(look, **more)


class Host:
    """A runtime as far as the collector knows one: it answers with what `next` holds, or not at all."""

    def __init__(self) -> None:
        self.next: list[Sample] = []
        self.host_next: HostSample | None = None
        self.down = False
        self.asked: list[list[UUID] | None] = []

    @property
    def metrics(self) -> Host:
        return self

    def host(self) -> HostSample | None:
        return self.host_next

    def sample(self, uids: Iterable[UUID] | None = None) -> list[Sample]:
        wanted = None if uids is None else list(uids)
        self.asked.append(wanted)
        if self.down:
            raise Unreachable("The host does not answer.")
        return [look for look in self.next if wanted is None or look.uid in wanted]


class Clock:
    """Time that goes when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

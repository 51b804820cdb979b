"""What the fake remembers, and what time makes of it.

Nothing ticks: a record holds when its transition began and how long it takes, and every look works out where it is
now. So any number of processes see the same world.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec

from vmconsole.runtime.types import Job, MachineSpec, NetworkSpec, Phase, Power, VolumeSeen


@dataclass(frozen=True, slots=True)
class Machine:
    """`power` is where it is going; until `settles_at` it is still on the way there."""

    spec: MachineSpec
    running: MachineSpec | None = None
    ours: bool = True
    power: Power = Power.OFF
    settles_at: float = 0.0
    started_at: float = 0.0
    stop_reason: str = ""

    def power_at(self, now: float) -> Power:
        if now >= self.settles_at:
            return self.power
        return Power.STARTING if self.power is Power.ON else Power.STOPPING

    def is_on(self, now: float) -> bool:
        """It has a process: it takes memory, and may be paused or stopped."""
        return self.power_at(now) in {Power.ON, Power.PAUSED, Power.STARTING, Power.STOPPING}

    @property
    def pending(self) -> bool:
        return self.running is not None and self.running != self.spec

    def settled(self, now: float) -> Machine:
        """The same machine after whatever has ended by `now`."""
        if self.power is Power.OFF and now >= self.settles_at and self.running is not None:
            return replace(self, running=None)
        return self


@dataclass(frozen=True, slots=True)
class Volume:
    """`seconds` is how long making it takes from `began_at` on; `fails` is the sentence it will end with."""

    uid: UUID
    size_bytes: int
    allocated_bytes: int
    phase: Phase
    began_at: float
    seconds: float
    fails: str = ""

    def seen(self, now: float) -> VolumeSeen:
        done = 1.0 if self.seconds <= 0 else min(1.0, (now - self.began_at) / self.seconds)
        if done >= 1.0 and self.fails:
            return VolumeSeen(self.uid, Phase.FAILED, message=self.fails, reason="ImportFailed")
        if done >= 1.0:
            return VolumeSeen(self.uid, Phase.SUCCEEDED, self.size_bytes, self.allocated_bytes, "qcow2")
        kind = "clone" if self.phase is Phase.CLONING else "import"
        job = Job(kind, round(done * 100, 1), f"{int(self.allocated_bytes * done)} of {self.allocated_bytes} bytes")
        return VolumeSeen(self.uid, self.phase, self.size_bytes, int(self.allocated_bytes * done), "qcow2", job)


@dataclass(frozen=True, slots=True)
class Network:
    spec: NetworkSpec


def revision_of(spec: MachineSpec) -> str:
    """Changes with the definition and with nothing else."""
    return hashlib.blake2b(msgspec.json.encode(spec), digest_size=8).hexdigest()


def fraction(uid: UUID, what: str) -> float:
    """A number from 0 to 1 that is this machine's own and never changes."""
    digest = hashlib.blake2b(uid.bytes + what.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64

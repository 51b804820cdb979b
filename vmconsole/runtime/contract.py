"""What every runtime promises: four small protocols and a connection.

Rules for every method: our uid is the only name; safe to repeat; quick, for long work is started here and watched by
later looks; only `errors.RuntimeFault`s leave. Nothing here imports Django, so drivers run and are tested without it.
`tests/contract/` holds each driver to this page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol
from uuid import UUID

from vmconsole.runtime.types import (
    Can,
    GuestSeen,
    HostSample,
    MachineSeen,
    MachineSpec,
    NetworkSeen,
    NetworkSpec,
    NodeSeen,
    Power,
    Sample,
    VolumeSeen,
    VolumeSpec,
)


class Machines(Protocol):
    def list(self) -> list[MachineSeen]:
        """All machines, also those made outside. One bulk call to the runtime."""

    def get(self, uid: UUID) -> MachineSeen | None:
        """One look; None when it is not there."""

    def apply(self, spec: MachineSpec) -> None:
        """Make it exist like this. What a running machine cannot take live waits for its next start (`pending`).

        For a machine made outside only what `spec` names is changed; everything else in its definition is kept.
        """

    def set_power(self, uid: UUID, power: Power, *, force: bool = False) -> None:
        """Ask for ON, OFF or PAUSED. OFF without `force` asks the guest; the next look tells whether it obeyed.

        ON for a paused machine resumes it. Already so: nothing happens.
        """

    def reset(self, uid: UUID) -> None:
        """The reset button: at once, the guest is not asked."""

    def reboot(self, uid: UUID) -> None:
        """Ask the guest to reboot."""

    def delete(self, uid: UUID) -> None:
        """Gone, with its firmware variables, seed and logs. Volumes stay. Gone already: nothing happens."""

    def adopt(self, uid: UUID, namespace: str) -> None:
        """Mark a machine made outside as ours, without touching its hardware or its power."""

    def guest(self, uid: UUID) -> GuestSeen | None:
        """What the guest agent says; None when there is none or it does not answer within a second."""

    def screenshot(self, uid: UUID) -> bytes:
        """The screen now, as PNG."""


class Volumes(Protocol):
    def list(self) -> list[VolumeSeen]: ...

    def get(self, uid: UUID) -> VolumeSeen | None: ...

    def create(self, spec: VolumeSpec) -> None:
        """Start making it. `get` shows phase and progress. It goes on when every process of ours dies, or is taken up
        again by the next `create` of the same uid."""

    def cancel(self, uid: UUID) -> None:
        """Stop making it and remove what is there. A finished volume is left alone."""

    def grow(self, uid: UUID, size_bytes: int, *, in_use_by: UUID | None = None) -> None:
        """Make it larger, under the running machine `in_use_by` if given. Smaller: Rejected."""

    def delete(self, uid: UUID) -> None: ...


class Networks(Protocol):
    def list(self) -> list[NetworkSeen]: ...

    def get(self, name: str) -> NetworkSeen | None: ...

    def apply(self, spec: NetworkSpec) -> None:
        """Make it so, reservations too, under running machines."""

    def delete(self, name: str) -> None: ...


class Metrics(Protocol):
    def sample(self, uids: Iterable[UUID] | None = None) -> list[Sample]:
        """Counters of the given machines, or of all that run, in one bulk call that waits for no stuck machine."""

    def host(self) -> HostSample | None:
        """Counters of the host itself, without asking the runtime; None where they cannot be read from here."""


class RuntimeConnection(Protocol):
    @property
    def capabilities(self) -> Can: ...

    @property
    def machines(self) -> Machines: ...

    @property
    def volumes(self) -> Volumes: ...

    @property
    def networks(self) -> Networks: ...

    @property
    def metrics(self) -> Metrics: ...

    def nodes(self) -> list[NodeSeen]: ...

    def watch(self, look_at: Callable[[UUID | None], None]) -> None:
        """Call `look_at(uid)` from some thread whenever something may have happened to a machine, and
        `look_at(None)` after the connection was lost and is back: look at everything. May repeat, may miss."""

    def alive(self) -> bool: ...

    def close(self) -> None: ...

"""The fake as a runtime connection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from vmconsole.runtime.errors import RuntimeFault
from vmconsole.runtime.fake.faults import Faults
from vmconsole.runtime.fake.machines import FakeMachines
from vmconsole.runtime.fake.metrics import FakeMetrics
from vmconsole.runtime.fake.networks import FakeNetworks
from vmconsole.runtime.fake.volumes import FakeVolumes
from vmconsole.runtime.fake.world import World, open_world
from vmconsole.runtime.types import Can, NodeSeen

_LOOK_EVERY = 0.2  # seconds


class FakeConnection:
    """Everything the contract promises, and `faults`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._closed = threading.Event()
        self.capabilities = (
            Can.PAUSE | Can.RESET | Can.SCREENSHOT | Can.GUEST_AGENT | Can.LIVE_DISKS | Can.GROW_LIVE | Can.UEFI
            | Can.SECURE_BOOT | Can.BRIDGES | Can.FIXED_ADDRESSES | Can.ADOPT | Can.UPLOAD
        )  # fmt: skip
        self.machines = FakeMachines(world)
        self.volumes = FakeVolumes(world)
        self.networks = FakeNetworks(world)
        self.metrics = FakeMetrics(world)

    @property
    def faults(self) -> Faults:
        return self._world.faults

    def nodes(self) -> list[NodeSeen]:
        self._world.faults.strike()
        return [self._world.node()]

    def watch(self, look_at: Callable[[UUID | None], None]) -> None:
        threading.Thread(target=self._watch, args=(look_at,), name="fake-watch", daemon=True).start()

    def alive(self) -> bool:
        try:
            self._world.faults.strike()
        except RuntimeFault:
            return False
        return not self._closed.is_set()

    def close(self) -> None:
        self._closed.set()
        self._world.store.close()

    def _watch(self, look_at: Callable[[UUID | None], None]) -> None:
        """Looks at what was written, and again when what was begun has ended."""
        world = self._world
        version = world.store.version()
        unsettled: dict[str, float] = {}
        while not self._closed.wait(_LOOK_EVERY):
            try:
                since, version = version, world.store.version()
                changed = world.machines.changed_since(since) if version != since else []
                for key in changed:
                    machine = world.machines.get(key)
                    if machine is not None:
                        unsettled[key] = machine.settles_at
            except RuntimeFault:
                continue  # the next look takes it up
            now = world.clock()
            ended = [key for key, settles_at in unsettled.items() if settles_at <= now]
            for key in ended:
                del unsettled[key]
            for key in dict.fromkeys([*changed, *ended]):
                look_at(UUID(key))


def open_connection(url: str, state: Path | None) -> FakeConnection:
    """`state` is the folder shared with other processes; None keeps the world in memory."""
    return FakeConnection(open_world(url, state))

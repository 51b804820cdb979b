"""Volumes without bytes. Making one takes a moment, shows its percent and can be cancelled."""

from __future__ import annotations

import builtins
from dataclasses import replace
from uuid import UUID

from vmconsole.runtime.errors import Busy, Missing, Rejected
from vmconsole.runtime.fake.records import Volume, fraction
from vmconsole.runtime.fake.world import GIB, World
from vmconsole.runtime.types import BlankSource, Phase, VolumeSeen, VolumeSource, VolumeSpec

_IMPORT_TAKES = 4  # transitions


class FakeVolumes:
    def __init__(self, world: World) -> None:
        self._world = world

    def list(self) -> builtins.list[VolumeSeen]:
        self._world.faults.strike()
        now = self._world.clock()
        return [volume.seen(now) for volume in self._world.volumes.all().values()]

    def get(self, uid: UUID) -> VolumeSeen | None:
        self._world.faults.strike()
        volume = self._world.volumes.get(str(uid))
        return None if volume is None else volume.seen(self._world.clock())

    def create(self, spec: VolumeSpec) -> None:
        self._world.faults.strike()
        with self._world.store.writing():
            if self._world.volumes.get(str(spec.uid)) is None:
                self._world.volumes.put(str(spec.uid), self._new(spec))

    def cancel(self, uid: UUID) -> None:
        self._world.faults.strike()
        with self._world.store.writing():
            volume = self._world.volumes.get(str(uid))
            if volume is not None and volume.seen(self._world.clock()).phase is not Phase.SUCCEEDED:
                self._world.volumes.drop(str(uid))

    def grow(self, uid: UUID, size_bytes: int, *, in_use_by: UUID | None = None) -> None:
        self._world.faults.strike()
        with self._world.store.writing():
            volume = self._world.volumes.get(str(uid))
            if volume is None:
                raise Missing("This disk is not on the runtime any more.")
            if volume.seen(self._world.clock()).phase is not Phase.SUCCEEDED:
                raise Busy("The disk is still being made. Grow it when it is ready.")
            if size_bytes < volume.size_bytes:
                raise Rejected("A disk can only become larger: making it smaller would cut off data.")
            self._world.volumes.put(str(uid), replace(volume, size_bytes=size_bytes))

    def delete(self, uid: UUID) -> None:
        self._world.faults.strike()
        if self._world.volumes.get(str(uid)) is not None:
            self._world.volumes.drop(str(uid))

    def _new(self, spec: VolumeSpec) -> Volume:
        now = self._world.clock()
        if isinstance(spec.source, BlankSource):
            return Volume(spec.uid, spec.size_bytes, 196_616, Phase.SUCCEEDED, now, 0)
        seconds = self._world.transition_seconds * _IMPORT_TAKES
        fails = "The server that has the image did not answer." if self._world.faults.now.failing_imports else ""
        if isinstance(spec.source, VolumeSource):
            source = self._world.volumes.get(str(spec.source.volume))
            if source is None:
                raise Missing("The disk or image to copy is not on the runtime any more.")
            size = max(spec.size_bytes, source.size_bytes)
            return Volume(spec.uid, size, source.allocated_bytes, Phase.CLONING, now, seconds, fails)
        size = spec.size_bytes or 10 * GIB
        allocated = int(size * (0.05 + 0.3 * fraction(spec.uid, "image")))
        return Volume(spec.uid, size, allocated, Phase.IMPORTING, now, seconds, fails)

"""What only the fake has: time that passes, trouble on request, a world shared by processes, and very many machines."""

from __future__ import annotations

import subprocess
import sys
import time
import zlib
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.hosts import wait_until
from vmconsole.runtime.errors import Busy, Rejected, Unreachable
from vmconsole.runtime.fake.connection import FakeConnection, open_connection
from vmconsole.runtime.fake.demo import fill, machine_of
from vmconsole.runtime.fake.metrics import load_seconds
from vmconsole.runtime.fake.store import Store
from vmconsole.runtime.fake.world import World
from vmconsole.runtime.types import HttpSource, MachineSpec, Phase, Power, VolumeSpec

GIB = 2**30


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeConnection:
    return FakeConnection(World(Store(None), clock=clock))


@pytest.fixture
def uid(fake: FakeConnection) -> UUID:
    uid = uuid4()
    fake.machines.apply(MachineSpec(uid, "default", "web-1", 2, 2 * GIB))
    return uid


def power(fake: FakeConnection, uid: UUID) -> Power:
    seen = fake.machines.get(uid)
    assert seen is not None
    return seen.power


def test_starting_and_stopping_take_time(fake: FakeConnection, uid: UUID, clock: Clock) -> None:
    fake.machines.set_power(uid, Power.ON)
    assert power(fake, uid) is Power.STARTING
    clock.now += 1
    assert power(fake, uid) is Power.ON
    fake.machines.set_power(uid, Power.OFF)
    assert power(fake, uid) is Power.STOPPING
    clock.now += 1
    assert power(fake, uid) is Power.OFF


def test_deaf_guest_needs_force(fake: FakeConnection, uid: UUID, clock: Clock) -> None:
    fake.machines.set_power(uid, Power.ON)
    clock.now += 1
    fake.faults.arrange(deaf=True)
    fake.machines.set_power(uid, Power.OFF)
    clock.now += 60
    assert power(fake, uid) is Power.ON
    fake.machines.set_power(uid, Power.OFF, force=True)
    assert power(fake, uid) is Power.OFF


def test_unreachable_and_busy_for_so_many_calls(fake: FakeConnection, uid: UUID) -> None:
    fake.faults.arrange(unreachable=2)
    for _ in range(2):
        with pytest.raises(Unreachable):
            fake.machines.get(uid)
    assert power(fake, uid) is Power.OFF
    fake.faults.arrange(busy=1)
    with pytest.raises(Busy):
        fake.machines.set_power(uid, Power.ON)
    fake.machines.set_power(uid, Power.ON)


def test_no_memory(fake: FakeConnection, uid: UUID) -> None:
    fake.faults.arrange(no_memory=True)
    with pytest.raises(Rejected) as refused:
        fake.machines.set_power(uid, Power.ON)
    assert refused.value.reason == "InsufficientMemory"
    fake.faults.clear()
    huge = uuid4()
    fake.machines.apply(MachineSpec(huge, "default", "huge", 1, 10**15))
    with pytest.raises(Rejected):
        fake.machines.set_power(huge, Power.ON)


def test_imports_show_progress_and_may_fail(fake: FakeConnection, clock: Clock) -> None:
    good, bad = uuid4(), uuid4()
    source = HttpSource("https://images.example/debian.qcow2")
    fake.volumes.create(VolumeSpec(good, "default", "good", 10 * GIB, source))
    fake.faults.arrange(failing_imports=True)
    fake.volumes.create(VolumeSpec(bad, "default", "bad", 10 * GIB, source))
    clock.now += 2
    seen = fake.volumes.get(good)
    assert seen is not None
    assert seen.job is not None
    assert (seen.phase, seen.job.percent) == (Phase.IMPORTING, 50.0)
    clock.now += 2
    phases = [volume.phase for uid in (good, bad) if (volume := fake.volumes.get(uid))]
    assert phases == [Phase.SUCCEEDED, Phase.FAILED]


def test_another_process_sees_the_same_world(tmp_path: Path) -> None:
    uid = uuid4()
    here = open_connection("", tmp_path)
    looked_at: list[UUID | None] = []
    here.watch(looked_at.append)
    code = (
        "import sys, uuid, pathlib; from vmconsole.runtime.fake.connection import open_connection as o;"
        "from vmconsole.runtime.types import MachineSpec as M, Power;"
        "c = o('', pathlib.Path(sys.argv[1])); u = uuid.UUID(sys.argv[2]);"
        "c.machines.apply(M(u, 'default', 'web-1', 1, 2**30)); c.machines.set_power(u, Power.ON)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), str(uid)], check=True)
    wait_until(lambda: power(here, uid) is Power.ON)
    wait_until(lambda: looked_at.count(uid) >= 2, what="hints of the change and of its end")
    here.machines.delete(uid)
    assert here.machines.list() == []
    here.close()


def test_counters_never_fall(clock: Clock) -> None:
    uid = uuid4()
    counts = [load_seconds(uid, "cpu", second / 3) for second in range(30_000)]
    assert counts == sorted(counts)
    assert 0.2 < counts[-1] / 10_000 < 0.8


def test_screenshot_is_a_picture(fake: FakeConnection, uid: UUID, clock: Clock) -> None:
    fake.machines.set_power(uid, Power.ON)
    clock.now += 5
    first = fake.machines.screenshot(uid)
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    at = first.index(b"IDAT")
    size = int.from_bytes(first[at - 4 : at], "big")
    assert len(zlib.decompress(first[at + 4 : at + 4 + size])) == 400 * (1 + 640 * 3)
    clock.now += 10
    assert fake.machines.screenshot(uid) != first


def test_ten_thousand_machines_are_listed_at_once(tmp_path: Path) -> None:
    fake = open_connection("", tmp_path)
    fill(fake._world, 10_000)
    assert len(fake.machines.list()) == 10_000
    one = machine_of(17).spec.uid
    begun = time.monotonic()
    fake.machines.set_power(one, Power.OFF, force=True)
    listed = fake.machines.list()
    assert time.monotonic() - begun < 0.5
    assert next(seen for seen in listed if seen.uid == one).power is Power.OFF
    fake.close()

"""What every driver promises about volumes, networks, counters, the host and events."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from tests.contract.conftest import MIB, Bench
from tests.contract.test_machines import settle
from tests.hosts import wait_until
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.errors import Rejected
from vmconsole.runtime.types import (
    DiskSpec,
    NetworkMode,
    NetworkSpec,
    Phase,
    Power,
    Reservation,
    VolumeSource,
    VolumeSpec,
)


def finished(runtime: RuntimeConnection, uid: UUID) -> bool:
    seen = runtime.volumes.get(uid)
    return seen is not None and seen.phase is Phase.SUCCEEDED


def test_a_blank_volume(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.volume(8 * MIB)
    wait_until(lambda: finished(runtime, uid), what="the volume")
    seen = runtime.volumes.get(uid)
    assert seen is not None
    assert seen.size_bytes == 8 * MIB
    assert uid in {volume.uid for volume in runtime.volumes.list()}
    runtime.volumes.delete(uid)
    runtime.volumes.delete(uid)
    assert runtime.volumes.get(uid) is None


def test_a_copy_is_as_large_as_asked(bench: Bench, runtime: RuntimeConnection) -> None:
    source, copy = bench.volume(8 * MIB), uuid4()
    bench.volumes.append(copy)
    runtime.volumes.create(VolumeSpec(copy, "default", "copy", 16 * MIB, VolumeSource(source)))
    wait_until(lambda: finished(runtime, copy), what="the copy")
    seen = runtime.volumes.get(copy)
    assert seen is not None
    assert seen.size_bytes == 16 * MIB


def test_a_volume_grows_and_never_shrinks(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.volume(8 * MIB)
    wait_until(lambda: finished(runtime, uid), what="the volume")
    runtime.volumes.grow(uid, 16 * MIB)
    runtime.volumes.grow(uid, 16 * MIB)
    with pytest.raises(Rejected):
        runtime.volumes.grow(uid, 8 * MIB)
    seen = runtime.volumes.get(uid)
    assert seen is not None
    assert seen.size_bytes == 16 * MIB


def test_a_volume_grows_under_its_running_machine(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.volume(8 * MIB)
    wait_until(lambda: finished(runtime, uid), what="the volume")
    machine = bench.machine(disks=(DiskSpec("data", uid),)).uid
    runtime.machines.set_power(machine, Power.ON)
    settle(runtime, machine, Power.ON)
    runtime.volumes.grow(uid, 32 * MIB, in_use_by=machine)
    seen = runtime.volumes.get(uid)
    assert seen is not None
    assert seen.size_bytes == 32 * MIB


def test_a_nat_network_and_its_reservations(bench: Bench, runtime: RuntimeConnection) -> None:
    spec = NetworkSpec("lab", NetworkMode.NAT, "vmclab0", "10.99.0.0/24")
    bench.networks.append("lab")
    runtime.networks.apply(spec)
    kept = (Reservation("52:54:00:00:00:31", "10.99.0.31", "one"), Reservation("52:54:00:00:00:32", "10.99.0.32"))
    for reservations in (kept, kept, kept[:1], (replace(kept[1], address="10.99.0.31"),), ()):
        runtime.networks.apply(replace(spec, reservations=reservations))
        seen = runtime.networks.get("lab")
        assert seen is not None
        assert seen.ready, seen.message
    assert "lab" in {network.name for network in runtime.networks.list()}
    runtime.networks.delete("lab")
    runtime.networks.delete("lab")
    assert runtime.networks.get("lab") is None


def test_a_bridge_that_is_not_there_is_named(bench: Bench, runtime: RuntimeConnection) -> None:
    bench.networks.append("outside")
    runtime.networks.apply(NetworkSpec("outside", NetworkMode.BRIDGE, "br-none"))
    seen = runtime.networks.get("outside")
    assert seen is not None
    assert not seen.ready
    assert "br-none" in seen.message


def test_counters_of_what_runs(bench: Bench, runtime: RuntimeConnection) -> None:
    volume = bench.volume()
    wait_until(lambda: finished(runtime, volume), what="the volume")
    on = bench.machine(disks=(DiskSpec("a-name-of-more-than-twenty-letters", volume),))
    off = bench.machine()
    runtime.machines.set_power(on.uid, Power.ON)
    settle(runtime, on.uid, Power.ON)
    sampled = {sample.uid: sample for sample in runtime.metrics.sample()}
    assert off.uid not in sampled
    sample = sampled[on.uid]
    assert (sample.power, sample.vcpus, sample.memory_domain_bytes) == (Power.ON, 1, 32 * MIB)
    assert [disk.name for disk in sample.disks] == ["a-name-of-more-than-twenty-letters"]
    wait_until(
        lambda: runtime.metrics.sample([on.uid])[0].cpu_seconds > sample.cpu_seconds, seconds=10, what="more CPU time"
    )
    assert runtime.metrics.sample([off.uid]) == []
    assert runtime.metrics.sample([]) == []


def test_the_host(bench: Bench, runtime: RuntimeConnection) -> None:
    machine = bench.machine(vcpus=2).uid
    [before] = runtime.nodes()
    runtime.machines.set_power(machine, Power.ON)
    settle(runtime, machine, Power.ON)
    [node] = runtime.nodes()
    assert node.cpus > 0
    assert node.storage_bytes >= node.storage_free_bytes > 0
    assert node.used_vcpus - before.used_vcpus == 2
    assert node.used_memory_bytes - before.used_memory_bytes == 32 * MIB
    assert all(check.fix for check in node.checks if check.level != "ok")


def test_a_change_of_power_is_told(bench: Bench, runtime: RuntimeConnection) -> None:
    told: deque[UUID | None] = deque(maxlen=100)
    machine = bench.machine().uid
    runtime.watch(told.append)
    runtime.machines.set_power(machine, Power.ON)
    wait_until(lambda: machine in told, seconds=10, what="the start to be told")
    settle(runtime, machine, Power.ON)
    told.clear()
    runtime.machines.set_power(machine, Power.OFF, force=True)
    wait_until(lambda: machine in told, seconds=10, what="the stop to be told")


def test_it_is_alive(runtime: RuntimeConnection) -> None:
    assert runtime.alive()

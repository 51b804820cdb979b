"""Charts tell the truth: rates over restarts, holes as holes, and an hour that fits into memory."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Callable
from math import isnan
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from observability.collector import KEEP, Collector, Name
from observability.door import serve
from observability.exposition import METRICS, exposition, host_exposition
from observability.rates import FIELDS, rates
from tests.observability.samples import GIB, UID, Clock, Host, sample
from vmconsole.runtime.types import DiskSample, HostSample, Power

OTHER = UUID(int=2)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def collector(host: Host, clock: Clock) -> Collector:
    return Collector(lambda: host, lambda: {UID: Name("default", 'web "1"', "n1")}, clock=clock)  # type: ignore[arg-type, return-value]


def look(collector: Collector, host: Host, clock: Clock, at: float, *samples: object) -> None:
    clock.now = at
    host.next = list(samples)  # type: ignore[arg-type]
    collector.look()


def values(collector: Collector, field: str, uid: UUID = UID) -> list[float | None]:
    return [point[field] for point in collector.samples(uid)]


def test_rates_of_two_looks() -> None:
    now = dict(zip(FIELDS, rates(sample(100, 5), sample(110, 15), 25), strict=True))
    assert now["cpu"] == pytest.approx(50)  # one of two CPUs
    assert now["memory_host"] == GIB / 2
    assert isnan(now["memory_guest"])
    assert now["disk_read_bytes"] == 1000
    assert now["disk_read_ops"] == 1
    assert now["disk_read_latency"] == pytest.approx(0.01)
    assert now["disk_write_ops"] == 0
    assert isnan(now["disk_write_latency"]), "no request was made: that is not a request of no time"
    assert now["network_receive_bytes"] == 10


def test_guest_view_of_memory() -> None:
    seen = sample(1, memory_available_bytes=900, memory_usable_bytes=600, memory_unused_bytes=100)
    assert rates(None, seen, 25)[FIELDS.index("memory_guest")] == 300


def test_waiting_for_a_processor_of_the_host() -> None:
    place = FIELDS.index("cpu_delay")
    before, now = sample(100, vcpu_delays=(1.0, 1.0)), sample(110, 1, vcpu_delays=(5.0, 2.0))
    assert rates(before, now, 25)[place] == pytest.approx(25)
    assert isnan(rates(sample(100), now, 25)[place]), "not told before: nothing to compare"
    assert isnan(rates(sample(100, vcpu_delays=(1.0,)), now, 25)[place]), "a virtual CPU came"


def test_swap_of_a_guest_that_rebooted_is_not_negative() -> None:
    place = FIELDS.index("swap_bytes")
    before = sample(100, swap_in_bytes=0, swap_out_bytes=5000)
    assert rates(before, sample(110, 1, swap_in_bytes=1000, swap_out_bytes=6000), 25)[place] == 200
    assert isnan(rates(before, sample(110, 1, swap_in_bytes=0, swap_out_bytes=0), 25)[place])


def test_the_host_is_looked_at_with_all_and_not_with_some(collector: Collector, host: Host, clock: Clock) -> None:
    host.host_next = HostSample(1000, 200, 100, 10, 5, 8 * GIB, 2 * GIB, 0, 1.0, None, 0.0)
    look(collector, host, clock, 1000)
    host.host_next = HostSample(1010, 220, 105, 11, 7, 8 * GIB, 2 * GIB, 0, 3.0, None, 0.0)
    collector.look([UID])
    assert len(collector.host) == 1
    look(collector, host, clock, 1010)
    newest = collector.host_samples()[-1]
    assert newest == {
        "at": 1010, "cpu": 75, "disk_wait": 5, "stolen": 10, "memory": 8 * GIB, "memory_used": 6 * GIB, "swap_used": 0,
        "stalled_cpu": 20, "stalled_disk": None, "stalled_memory": 0,
    }  # fmt: skip
    assert any(line.startswith("vmconsole_host_cpu_seconds_total 220") for line in host_exposition(collector.last_host))


def test_who_takes_most_of_ten_thousand(collector: Collector, host: Host, clock: Clock) -> None:
    many = [UUID(int=number + 1) for number in range(10_000)]
    look(collector, host, clock, 1000, *(sample(1000, uid=uid) for uid in many))
    busiest = {uid: 0.01 + uid.int / 2000 for uid in many}
    look(collector, host, clock, 1010, *(sample(1010, busiest[uid], uid=uid) for uid in many))
    begun = time.perf_counter()
    found = collector.top(3)
    assert time.perf_counter() - begun < 1.0
    assert [uid for uid, _value in found["cpu"]] == many[:-4:-1]
    [(uid, value)] = collector.top(3, ["default"])["cpu"]
    assert uid == UID, "only names of there"
    assert value == pytest.approx(0.0525, abs=0.001)


def test_a_disk_that_came_or_went_is_not_a_jump() -> None:
    big = DiskSample("vdb", read_bytes=10**15)
    before, after = sample(100, 1), sample(110, 2)
    with_it = sample(110, 2, disks=(*after.disks, big))
    assert rates(before, with_it, 25)[4] == 1000
    assert rates(with_it, sample(120, 3), 25)[4] == 1000


def test_restart_is_a_gap_not_a_nought_and_not_negative(collector: Collector, host: Host, clock: Clock) -> None:
    for at, cpu in ((1000, 100), (1010, 110), (1020, 0.5), (1030, 10.5)):
        look(collector, host, clock, at, sample(at, cpu))
    assert values(collector, "cpu") == [None, 50, None, 50]
    assert values(collector, "memory_host") == [GIB / 2] * 4


def test_restart_seen_in_a_disk_only(collector: Collector, host: Host, clock: Clock) -> None:
    look(collector, host, clock, 1000, sample(1000, 1))
    look(collector, host, clock, 1010, sample(1010, 9, disks=(DiskSample("vda", read_bytes=5),)))
    assert values(collector, "cpu") == [None, None]


def test_silence_of_the_runtime_is_a_gap(collector: Collector, host: Host, clock: Clock) -> None:
    look(collector, host, clock, 1000, sample(1000, 1))
    look(collector, host, clock, 1010, sample(1010, 11))
    host.down = True
    look(collector, host, clock, 1020)
    look(collector, host, clock, 1030)
    assert collector.status() == {"reachable": False, "message": "The host does not answer.", "as_of": 1010}
    host.down = False
    look(collector, host, clock, 1040, sample(1040, 12))
    look(collector, host, clock, 1050, sample(1050, 22))
    assert values(collector, "cpu") == [None, 50, None, None, 50]
    assert values(collector, "memory_host") == [GIB / 2, GIB / 2, None, GIB / 2, GIB / 2]


def test_a_machine_that_stops_leaves_one_gap(collector: Collector, host: Host, clock: Clock) -> None:
    look(collector, host, clock, 1000, sample(1000, 1))
    for at in (1010, 1020, 1030):
        look(collector, host, clock, at, sample(at, 0, power=Power.OFF))
    assert [point["at"] for point in collector.samples(UID)] == [1000, 1010]
    assert collector.latest([UID]) == {}
    look(collector, host, clock, 1040, sample(1040, 500))
    assert values(collector, "cpu")[-1] is None, "not joined to what was before it stopped"


def test_a_pause_of_the_collector_is_a_gap(collector: Collector, host: Host, clock: Clock) -> None:
    look(collector, host, clock, 1000, sample(1000, 1))
    look(collector, host, clock, 1500, sample(1500, 2))
    points = collector.samples(UID)
    assert [(point["at"], point["memory_host"]) for point in points] == [(1000, GIB / 2), (1010, None), (1500, GIB / 2)]


def test_only_the_watched_are_looked_at_in_between(collector: Collector, host: Host, clock: Clock) -> None:
    collector.watch([UID])
    host.next = [sample(1000, 1), sample(1000, 1, uid=OTHER)]
    collector.look(collector.being_watched())
    assert host.asked == [[UID]]
    assert collector.samples(OTHER) == []
    clock.now += 16
    assert collector.being_watched() == []


def test_a_look_at_some_says_nothing_about_the_rest(collector: Collector, host: Host, clock: Clock) -> None:
    look(collector, host, clock, 1000, sample(1000, 1), sample(1000, 1, uid=OTHER))
    clock.now, host.next = 1002, []
    collector.look([UID])
    assert collector.samples(UID)[-1]["memory_host"] is None
    assert collector.samples(OTHER)[-1]["memory_host"] == GIB / 2


def test_an_hour_is_kept_and_no_more(collector: Collector, host: Host, clock: Clock) -> None:
    for step in range(1000):
        at = 1000 + step * 10.0
        look(collector, host, clock, at, sample(at, step))
    points = collector.samples(UID)
    assert KEEP <= clock.now - points[0]["at"] + 10 <= KEEP + 400  # type: ignore[operator]
    clock.now += KEEP + 1
    host.next = []
    collector.look()
    collector.forget()
    clock.now += KEEP + 1
    collector.forget()
    assert not collector.rings


def test_memory_for_one_machine_for_one_hour(collector: Collector, host: Host, clock: Clock) -> None:
    machines = [UUID(int=number) for number in range(1, 51)]
    tracemalloc.start()
    try:
        for step in range(400):
            at = 1000 + step * 10.0
            look(collector, host, clock, at, *(sample(at, step, uid=uid) for uid in machines))
        host.next = []
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / len(machines) < 40_000, f"{used / len(machines):.0f} bytes a machine"


def test_names_are_kubevirts(host: Host) -> None:
    full = sample(
        1000, 4, memory_available_bytes=9, memory_unused_bytes=1, memory_usable_bytes=2,
        swap_in_bytes=0, swap_out_bytes=0, vcpu_delays=(0.5, 0.25), vcpu_waits=(0.1, 0.2),
    )  # fmt: skip
    text = "\n".join(exposition([full], {UID: Name("default", 'web "1"', "n1")})) + "\n"
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for metric in METRICS:
        family = families["kubevirt_vmi_" + metric.name.removesuffix("_total")]
        assert family.type == metric.kind
        assert family.samples, metric.name
        assert family.samples[0].name == "kubevirt_vmi_" + metric.name
        assert family.samples[0].labels.items() >= {"namespace": "default", "name": 'web "1"', "node": "n1"}.items()
    assert families["kubevirt_vmi_storage_iops_read"].samples[0].labels["drive"] == "vda"
    assert families["kubevirt_vmi_network_receive_bytes"].samples[0].labels["interface"] == "net0"
    assert families["kubevirt_vmi_phase_count"].samples[0].labels == {"phase": "running", "node": "n1"}


def test_machines_without_a_name_are_left_out() -> None:
    assert not [line for line in exposition([sample(1000)], {}) if not line.startswith("#")]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what we wait for tells nobody
            await asyncio.sleep(0.02)


async def test_the_door_on_its_socket(collector: Collector, host: Host, tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    host.next = [sample(1000, 1)]
    serving = asyncio.create_task(serve(collector, path, lambda: "vmconsole_extra 1\n"))
    try:
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://controller") as client:
            await until(lambda: path.exists() and collector.looked_at)
            assert path.stat().st_mode & 0o777 == 0o660
            metrics = await client.get("/metrics")
            assert "kubevirt_vmi_cpu_usage_seconds_total{" in metrics.text
            assert "vmconsole_extra 1" in metrics.text
            samples = await client.get("/samples", params={"uid": str(UID), "since": "0"})
            assert samples.json()["points"][0]["memory_host"] == GIB / 2
            assert (await client.get("/samples", params={"uid": "no"})).status_code == 400
            assert (await client.post("/watch", json={"uids": [str(UID)]})).status_code == 200
            assert (await client.post("/watch", content=b"{" * 100_000)).status_code == 400
            glances = await client.post("/glances", json={"uids": [str(UID)], "steps": 2})
            assert set(glances.json()) == {"at", "step", "lines"}
            assert (await client.post("/glances", json={"uids": ["no"]})).status_code == 400
            assert (await client.get("/latest")).json()[str(UID)]["cpu"] is None
            assert (await client.get("/etc/passwd")).status_code == 404
            await until(lambda: [UID] in host.asked)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert not path.exists()

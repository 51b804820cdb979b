"""Why is it slow? Each cause is found by its own figures, the strongest comes first, and silence accuses nobody."""

from __future__ import annotations

from typing import Any

import pytest

from observability.slowness import JUDGES, Facts, Level, rank

GIB = float(1 << 30)
WELL: dict[str, float | None] = {
    "cpu": 20, "cpu_delay": 0.5, "disk_read_latency": 0.001, "disk_write_latency": 0.002, "disk_read_ops": 10,
    "disk_write_ops": 10, "memory_left": 60, "swap_bytes": 0, "network_receive_drops": 0, "network_transmit_drops": 0,
}  # fmt: skip
HOST: dict[str, float | None] = {
    "cpu": 30, "stolen": 0, "stalled_cpu": 5, "stalled_disk": 1, "stalled_memory": 0, "memory": 8 * GIB,
    "memory_used": 4 * GIB, "swap_used": 0,
}  # fmt: skip


def facts(machine: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **more: Any) -> Facts:
    return Facts(points=[{**WELL, **(machine or {})}] * 5, host=[{**HOST, **(host or {})}] * 5, **more)


def levels(given: Facts) -> dict[str, Level]:
    return {cause.key: cause.level for cause in rank(given)}


def test_all_is_well() -> None:
    assert set(levels(facts()).values()) == {Level.OK}
    assert len(levels(facts())) == len(JUDGES)


@pytest.mark.parametrize(
    ("key", "machine", "host", "level"),
    [
        ("cpu-wait", {"cpu_delay": 6}, {}, Level.WARN),
        ("cpu-wait", {"cpu_delay": 35}, {}, Level.BAD),
        ("cpu", {"cpu": 80}, {}, Level.WARN),
        ("cpu", {"cpu": 99}, {}, Level.BAD),
        ("disk", {"disk_read_latency": 0.03}, {}, Level.WARN),
        ("disk", {"disk_write_latency": 0.4}, {}, Level.BAD),
        ("disk", {"disk_read_latency": None, "disk_write_latency": 0.4}, {}, Level.BAD),
        ("memory", {"memory_left": 10}, {}, Level.WARN),
        ("memory", {"memory_left": 2}, {}, Level.BAD),
        ("memory", {"swap_bytes": 5_000_000}, {}, Level.BAD),
        ("network", {"network_receive_drops": 1}, {}, Level.WARN),
        ("network", {"network_transmit_drops": 50}, {}, Level.BAD),
        ("host-cpu", {}, {"cpu": 88}, Level.WARN),
        ("host-cpu", {}, {"cpu": 99}, Level.BAD),
        ("stolen", {}, {"stolen": 20}, Level.BAD),
        ("host-disk", {}, {"stalled_disk": 30}, Level.WARN),
        ("host-memory", {}, {"memory_used": 7.9 * GIB}, Level.BAD),
        ("host-memory", {}, {"stalled_memory": 8}, Level.WARN),
    ],
)
def test_each_cause_by_its_figures(key: str, machine: dict[str, Any], host: dict[str, Any], level: Level) -> None:
    first = rank(facts(machine, host))[0]
    assert (first.key, first.level) == (key, level)
    found = levels(facts(machine, host))
    assert [other for other, judged in found.items() if judged is not Level.OK] == [key], "and nobody else is accused"


def test_the_strongest_comes_first() -> None:
    causes = rank(facts({"cpu_delay": 60, "disk_read_latency": 0.051, "memory_left": 10}))
    assert [cause.key for cause in causes[:3]] == ["cpu-wait", "disk", "memory"]


def test_what_is_not_known_is_said_and_is_no_sign_of_health() -> None:
    nothing = dict.fromkeys(WELL)
    assert set(levels(Facts(points=[nothing] * 9, accelerator="")).values()) == {Level.UNKNOWN}
    assert levels(facts({"memory_left": None, "swap_bytes": None}))["memory"] is Level.UNKNOWN
    assert levels(facts({"cpu_delay": None}))["cpu-wait"] is Level.UNKNOWN


def test_two_looks_are_an_accident() -> None:
    assert levels(Facts(points=[{**WELL, "cpu": 99.0}] * 2))["cpu"] is Level.UNKNOWN


def test_a_machine_without_requests_has_no_slow_disk() -> None:
    quiet = {"disk_read_latency": None, "disk_write_latency": None, "disk_read_ops": 0, "disk_write_ops": 0}
    assert levels(facts(quiet))["disk"] is Level.OK


@pytest.mark.parametrize(
    ("accelerator", "cpu", "level"),
    [("kvm", 99, Level.OK), ("tcg", 10, Level.WARN), ("tcg", 99, Level.BAD), ("", 99, Level.UNKNOWN)],
)
def test_emulation_is_felt_when_there_is_work(accelerator: str, cpu: float, level: Level) -> None:
    assert levels(facts({"cpu": cpu}, accelerator=accelerator))["emulation"] is level


def test_evidence_compares_with_before_and_with_normal() -> None:
    given = facts({"cpu": 95}, before=[{**WELL, "cpu": 12.0}] * 5)
    cause = next(cause for cause in rank(given) if cause.key == "cpu")
    [evidence] = cause.evidence
    assert (evidence.mean, evidence.worst, evidence.before) == (95, 95, 12)
    assert "75" in str(evidence.normal)


def test_overcommit_is_evidence() -> None:
    given = facts(host={"cpu": 99}, node_cpus=2, given_vcpus=9, node_memory_bytes=10, given_memory_bytes=5)
    shares = [each.mean for cause in rank(given) for each in cause.evidence if cause.key in ("host-cpu", "host-memory")]
    assert 450 in shares and 50 in shares

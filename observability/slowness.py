"""Why a machine is slow: causes ranked by how far their figures are from what is normal. Pure.

Each judge reads the figures of a piece of time, compares them with a bound that holds for any machine, and says what
would help. The bounds stand in one table. What cannot be known is said so: silence is no sign of health.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

Points = Sequence[Mapping[str, float | None]]

LEAST_POINTS = 3  # fewer, and a mean is an accident


class Level(StrEnum):
    BAD = "bad"
    WARN = "warn"
    OK = "ok"
    UNKNOWN = "off"


ORDER = (Level.BAD, Level.WARN, Level.UNKNOWN, Level.OK)


@dataclass(frozen=True, slots=True)
class Facts:
    """`points` and `host` of the piece of time asked about, `before` of the machine's hour until then."""

    points: Points = ()
    host: Points = ()
    before: Points = ()
    accelerator: str = "kvm"
    vcpus: int = 0
    node_cpus: int = 0
    given_vcpus: int = 0
    node_memory_bytes: int = 0
    given_memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure over the piece of time, and what it should be. None: not known."""

    label: Any
    unit: str
    mean: float | None
    worst: float | None = None
    before: float | None = None
    normal: Any = ""
    text: str = ""  # instead of figures


@dataclass(frozen=True, slots=True)
class Cause:
    """`strength` is how far over the bound for trouble, 1 is on it; ranks causes of the same level."""

    key: str
    level: Level
    title: Any
    advice: Any
    strength: float = 0.0
    evidence: tuple[Evidence, ...] = field(default=())


class Bound(NamedTuple):
    """From `warn` on it can be felt, from `bad` on it is the likely reason."""

    warn: float
    bad: float

    def judge(self, value: float | None) -> tuple[Level, float]:
        if value is None:
            return Level.UNKNOWN, 0.0
        level = Level.BAD if value >= self.bad else Level.WARN if value >= self.warn else Level.OK
        return level, value / self.bad


KIB, MIB = 1024, 1024 * 1024
BOUNDS = {
    "cpu_delay": Bound(5, 20),  # percent of its virtual CPUs' time
    "cpu": Bound(75, 90),  # percent
    "host_cpu": Bound(85, 95),  # percent
    "stolen": Bound(3, 10),  # percent
    "latency": Bound(0.020, 0.050),  # seconds
    "stalled_disk": Bound(20, 50),  # percent of the time
    "memory_gone": Bound(88, 95),  # percent of what the guest has
    "swap": Bound(64 * KIB, MIB),  # bytes a second
    "host_memory": Bound(92, 97),  # percent
    "stalled_memory": Bound(5, 20),  # percent of the time
    "drops": Bound(0.5, 10),  # packets a second
}


def rank(facts: Facts) -> list[Cause]:
    """All causes, the likeliest first."""
    causes = [judge(facts) for judge in JUDGES]
    return sorted(causes, key=lambda cause: (ORDER.index(cause.level), -cause.strength))


def mean(points: Points, key: str) -> float | None:
    found = known(points, key)
    return sum(found) / len(found) if len(found) >= LEAST_POINTS else None


def worst(points: Points, key: str) -> float | None:
    return max(known(points, key), default=None)


def known(points: Points, key: str) -> list[float]:
    return [value for point in points if (value := point.get(key)) is not None]


def seen(facts: Facts, key: str, label: Any, unit: str, normal: Any) -> Evidence:
    """A figure of the machine."""
    return Evidence(
        label, unit, mean(facts.points, key), worst(facts.points, key), mean(facts.before, key), normal
    )  # fmt: skip


def of_host(facts: Facts, key: str, label: Any, normal: Any, unit: str = "percent") -> Evidence:
    return Evidence(label, unit, mean(facts.host, key), worst(facts.host, key), None, normal)


def worse(*judged: tuple[Level, float]) -> tuple[Level, float]:
    """The worst of several figures of one cause; what is not known does not hide what is."""
    told = [each for each in judged if each[0] is not Level.UNKNOWN]
    return min(told, key=lambda each: (ORDER.index(each[0]), -each[1])) if told else (Level.UNKNOWN, 0.0)


def emulation(facts: Facts) -> Cause:
    emulated = facts.accelerator not in ("", "kvm")
    busy = (mean(facts.points, "cpu") or 0.0) >= BOUNDS["cpu"].warn
    level = Level.UNKNOWN if not facts.accelerator else Level.OK if not emulated else Level.BAD if busy else Level.WARN
    return Cause(
        "emulation", level, _("It is emulated: the host's processor does not run it directly"),
        _("An emulated machine is ten to thirty times slower. The node's checks say why KVM is not used."),
        2.0 if emulated and busy else 0.5,
        (
            Evidence(_("How it runs"), "", None, normal="kvm", text=facts.accelerator),
            seen(facts, "cpu", _("Its own CPU"), "percent", _("under 75 %")),
        ),
    )  # fmt: skip


def cpu_wait(facts: Facts) -> Cause:
    evidence = (
        seen(facts, "cpu_delay", _("Ready to run, but waiting"), "percent", _("under 5 %")),
        of_host(facts, "cpu", _("CPU of the host"), _("under 85 %")),
    )
    level, strength = BOUNDS["cpu_delay"].judge(evidence[0].mean)
    return Cause(
        "cpu-wait", level, _("It waits for a processor of the host"),
        _("Other machines want the same processors. Stop or move one that takes much, or give machines fewer virtual "
          "CPUs: many that are never used still wait for each other."),
        strength, evidence,
    )  # fmt: skip


def own_cpu(facts: Facts) -> Cause:
    evidence = seen(facts, "cpu", _("Its own CPU"), "percent", _("under 75 %"))
    level, strength = BOUNDS["cpu"].judge(evidence.mean)
    return Cause(
        "cpu", level, _("Its programs use all the CPU it has"),
        _("Look inside which program it is (“top”). If it is the work it is meant to do, give it more virtual CPUs."),
        strength, (evidence,),
    )  # fmt: skip


def host_cpu(facts: Facts) -> Cause:
    evidence = [
        of_host(facts, "cpu", _("CPU of the host"), _("under 85 %")),
        of_host(facts, "stalled_cpu", _("Somebody on the host waits for a processor"), _("under half of the time")),
    ]
    if facts.node_cpus:
        given = 100 * facts.given_vcpus / facts.node_cpus
        evidence.append(
            Evidence(_("Virtual CPUs given, of the processors there"), "percent", given, normal=_("under 200 %"))
        )
    level, strength = BOUNDS["host_cpu"].judge(evidence[0].mean)
    return Cause(
        "host-cpu", level, _("The host's processors are busy"),
        _("See on the overview who takes most. Stop or move it, or give the host more processors."),
        strength * 0.9, tuple(evidence),  # the machine may still get what it wants: its own waiting says more
    )  # fmt: skip


def stolen(facts: Facts) -> Cause:
    evidence = of_host(facts, "stolen", _("Taken from the host by what it runs on"), _("under 3 %"))
    level, strength = BOUNDS["stolen"].judge(evidence.mean)
    return Cause(
        "stolen", level, _("The host is a virtual machine itself, and has to wait"),
        _("Nothing here can help: ask whoever runs the place that the host is in for more."), strength, (evidence,),
    )  # fmt: skip


def disk(facts: Facts) -> Cause:
    reads = seen(facts, "disk_read_latency", _("One read takes"), "seconds", _("under 20 ms"))
    writes = seen(facts, "disk_write_latency", _("One write takes"), "seconds", _("under 20 ms"))
    judged = [BOUNDS["latency"].judge(each.mean) for each in (reads, writes)]
    quiet = (mean(facts.points, "disk_read_ops"), mean(facts.points, "disk_write_ops"))
    level, strength = worse(*judged)
    if level is Level.UNKNOWN and None not in quiet:
        level = Level.OK  # hardly a request was made: whatever it waits for, it is not its disks
    ops = (
        seen(facts, "disk_read_ops", _("Reads"), "ops/s", ""),
        seen(facts, "disk_write_ops", _("Writes"), "ops/s", ""),
    )
    return Cause(
        "disk", level, _("Its disks answer slowly"),
        _("See whether it, or another machine, reads or writes very much; move its disk to faster storage, or give the "
          "guest more memory to keep files in."),
        strength, (reads, writes, *ops),
    )  # fmt: skip


def host_disk(facts: Facts) -> Cause:
    evidence = of_host(
        facts, "stalled_disk", _("Somebody on the host waits for a disk"), _("under a fifth of the time")
    )
    level, strength = BOUNDS["stalled_disk"].judge(evidence.mean)
    return Cause(
        "host-disk", level, _("The host's disks are busy"),
        _("See on the overview who reads and writes most. A copy or an import under way ends by itself."),
        strength * 0.9, (evidence,),
    )  # fmt: skip


def guest_memory(facts: Facts) -> Cause:
    left = seen(facts, "memory_left", _("Memory its programs could still get"), "percent", _("over 12 %"))
    swap = seen(facts, "swap_bytes", _("To and from the guest's swap"), "bytes/s", _("under 64 KiB/s"))
    gone = None if left.mean is None else 100 - left.mean
    level, strength = worse(BOUNDS["memory_gone"].judge(gone), BOUNDS["swap"].judge(swap.mean))
    return Cause(
        "memory", level, _("The guest runs out of memory"),
        _("Give it more memory, or look inside which program takes it.")
        if level is not Level.UNKNOWN
        else _("The guest does not tell: it has no balloon driver, or has not booted yet."),
        strength, (left, swap),
    )  # fmt: skip


def host_memory(facts: Facts) -> Cause:
    used, total = mean(facts.host, "memory_used"), mean(facts.host, "memory")
    share = 100 * used / total if used is not None and total else None
    stalled = of_host(
        facts, "stalled_memory", _("Somebody on the host waits for memory"), _("under a twentieth of the time")
    )
    evidence = [
        Evidence(_("Memory of the host in use"), "percent", share, normal=_("under 92 %")),
        stalled,
        of_host(facts, "swap_used", _("Swapped out by the host"), _("next to nothing"), "bytes"),
    ]
    if facts.node_memory_bytes:
        given = 100 * facts.given_memory_bytes / facts.node_memory_bytes
        evidence.append(Evidence(_("Memory given, of what is there"), "percent", given, normal=_("under 100 %")))
    level, strength = worse(BOUNDS["host_memory"].judge(share), BOUNDS["stalled_memory"].judge(stalled.mean))
    return Cause(
        "host-memory", level, _("The host runs out of memory"),
        _("Stop a machine or give some less memory: a host that swaps slows all of them."), strength, tuple(evidence),
    )  # fmt: skip


def network(facts: Facts) -> Cause:
    evidence = (
        seen(facts, "network_receive_drops", _("Dropped on receiving"), "packets/s", _("none")),
        seen(facts, "network_transmit_drops", _("Dropped on sending"), "packets/s", _("none")),
    )
    level, strength = worse(*(BOUNDS["drops"].judge(each.mean) for each in evidence))
    return Cause(
        "network", level, _("Its network drops packets"),
        _("What is dropped is sent again, later. The guest takes packets too slowly (see its CPU), or more comes than "
          "the network carries."),
        strength, evidence,
    )  # fmt: skip


JUDGES: tuple[Callable[[Facts], Cause], ...] = (
    emulation, cpu_wait, own_cpu, disk, guest_memory, network, host_cpu, stolen, host_disk, host_memory,
)  # fmt: skip

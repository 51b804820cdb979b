"""From two looks at counters to rates: pure arithmetic, honest about what is not known.

Counters start at nought when a machine starts. So a counter that went down means "restarted", and what happened in
between is unknown: a gap, never a nought and never a huge number. Unknown is NaN here and null in JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

from vmconsole.runtime.types import DiskSample, HostSample, NicSample, Sample

FIELDS = (
    "cpu",  # percent of all its virtual CPUs
    "memory_domain",  # bytes it was given
    "memory_host",  # bytes it takes on the host
    "memory_guest",  # bytes in use, as the guest says
    "disk_read_bytes",  # per second, all disks together; so on
    "disk_write_bytes",
    "disk_read_ops",
    "disk_write_ops",
    "disk_read_latency",  # seconds one request took
    "disk_write_latency",
    "network_receive_bytes",
    "network_transmit_bytes",
    "network_receive_drops",
    "network_transmit_drops",
    "cpu_delay",  # percent of the time of all its virtual CPUs that they could have run, and had no processor
    "swap_bytes",  # per second, to and from the guest's own swap
    "memory_left",  # percent of its memory that the guest could still give to programs
)
HOST_FIELDS = (
    "cpu",  # percent of all processors
    "disk_wait",  # percent of them, idle while somebody waited for a disk
    "stolen",  # percent of them that the host's own hypervisor gave to others
    "memory",  # bytes it has
    "memory_used",
    "swap_used",
    "stalled_cpu",  # percent of the time in which somebody stood still for want of it
    "stalled_disk",
    "stalled_memory",
)
UNKNOWN = (nan,) * len(FIELDS)
DISK_COUNTERS = ("read_bytes", "write_bytes", "read_requests", "write_requests", "read_seconds", "write_seconds")
NIC_COUNTERS = ("receive_bytes", "transmit_bytes", "receive_dropped", "transmit_dropped")


def rates(before: Sample | None, now: Sample, longest: float) -> tuple[float, ...]:
    """One value for each of FIELDS. Without a usable `before`, only what needs none.

    `longest` is how many seconds apart two looks may be and still be one line on a chart.
    """
    memory = (float(now.memory_domain_bytes or nan), known(now.memory_resident_bytes), guest_memory(now))
    if before is None or not 0 < now.at - before.at <= longest or restarted(before, now):
        return (nan, *memory, *UNKNOWN[4:-1], memory_left(now))
    seconds = now.at - before.at
    cpu = 100 * (now.cpu_seconds - before.cpu_seconds) / (seconds * max(now.vcpus, 1))
    disks = grown(before.disks, now.disks, DISK_COUNTERS)
    nics = grown(before.nics, now.nics, NIC_COUNTERS)
    read_bytes, write_bytes, reads, writes, read_seconds, write_seconds = disks
    return (
        cpu,
        *memory,
        read_bytes / seconds,
        write_bytes / seconds,
        reads / seconds,
        writes / seconds,
        read_seconds / reads if reads else nan,  # no request took no time: there is no latency to draw
        write_seconds / writes if writes else nan,
        *(count / seconds for count in nics),
        delay(before, now, seconds),
        swap_rate(before, now, seconds),
        memory_left(now),
    )


def host_rates(before: HostSample | None, now: HostSample, longest: float) -> tuple[float, ...]:
    """One value for each of HOST_FIELDS."""
    memory = (
        float(now.memory_bytes or nan),
        float(now.memory_bytes - now.memory_available_bytes),
        float(now.swap_used_bytes),
    )
    if before is None or not 0 < now.at - before.at <= longest or now.total_seconds <= before.total_seconds:
        return (nan, nan, nan, *memory, nan, nan, nan)
    total, seconds = now.total_seconds - before.total_seconds, now.at - before.at
    spent = [
        100 * max(getattr(now, name) - getattr(before, name), 0) / total
        for name in ("idle_seconds", "disk_wait_seconds", "stolen_seconds")
    ]
    stalled = (
        min(max(100 * (known(getattr(now, name)) - known(getattr(before, name))) / seconds, 0.0), 100.0)
        for name in ("stalled_cpu_seconds", "stalled_disk_seconds", "stalled_memory_seconds")
    )
    return (max(100 - spent[0], 0.0), *spent[1:], *memory, *stalled)


def delay(before: Sample, now: Sample, seconds: float) -> float:
    """A virtual CPU that came has no past to compare with. The kernel counts a wait when it ends: one that is longer
    than the time between two looks would be more than all of it."""
    if not now.vcpu_delays or len(now.vcpu_delays) != len(before.vcpu_delays):
        return nan
    waited = sum(now.vcpu_delays) - sum(before.vcpu_delays)
    return min(100 * waited / (seconds * len(now.vcpu_delays)), 100.0) if waited >= 0 else nan


def swap_rate(before: Sample, now: Sample, seconds: float) -> float:
    """The guest counts for itself: when it rebooted its count went back."""
    grew = swapped(now) - swapped(before)
    return grew / seconds if grew >= 0 else nan


def swapped(sample: Sample) -> float:
    return known(sample.swap_in_bytes) + known(sample.swap_out_bytes)


def memory_left(sample: Sample) -> float:
    spare = sample.memory_usable_bytes if sample.memory_usable_bytes is not None else sample.memory_unused_bytes
    return nan if spare is None or not sample.memory_available_bytes else 100 * spare / sample.memory_available_bytes


def restarted(before: Sample, now: Sample) -> bool:
    """Whether any counter went back."""
    if now.cpu_seconds < before.cpu_seconds:
        return True
    return _shrunk(before.disks, now.disks, DISK_COUNTERS) or _shrunk(before.nics, now.nics, NIC_COUNTERS)


def grown(
    before: Iterable[DiskSample | NicSample], now: Iterable[DiskSample | NicSample], counters: tuple[str, ...]
) -> list[float]:
    """How much each counter grew, over the devices that were there both times."""
    earlier = {device.name: device for device in before}
    both = [(earlier[device.name], device) for device in now if device.name in earlier]
    return [sum(getattr(new, name) - getattr(old, name) for old, new in both) for name in counters]


def _shrunk(
    before: Iterable[DiskSample | NicSample], now: Iterable[DiskSample | NicSample], counters: tuple[str, ...]
) -> bool:
    earlier = {device.name: device for device in before}
    return any(
        getattr(device, name) < getattr(earlier[device.name], name)
        for device in now
        if device.name in earlier
        for name in counters
    )


def guest_memory(sample: Sample) -> float:
    """What the guest uses: all it has, less what it could give to programs (or less what is free, on old balloons)."""
    spare = sample.memory_usable_bytes if sample.memory_usable_bytes is not None else sample.memory_unused_bytes
    if sample.memory_available_bytes is None or spare is None:
        return nan
    return float(max(sample.memory_available_bytes - spare, 0))


def known(value: float | None) -> float:
    return nan if value is None else float(value)

"""From two looks at counters to rates: pure arithmetic, honest about what is not known.

Counters start at nought when a machine starts. So a counter that went down means "restarted", and what happened in
between is unknown: a gap, never a nought and never a huge number. Unknown is NaN here and null in JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

from vmconsole.runtime.types import DiskSample, NicSample, Sample

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
        return (nan, *memory, *UNKNOWN[4:])
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
    )


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


def known(value: int | None) -> float:
    return nan if value is None else float(value)

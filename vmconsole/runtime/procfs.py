"""The host's counters as its kernel tells them: processors, memory, and time stood still for want of them.

Four small files, no call to anybody. What a kernel does not tell (pressure, before 4.20 or switched off) is None.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from vmconsole.runtime.types import HostSample

TICKS = os.sysconf("SC_CLK_TCK")


def look(proc: Path = Path("/proc")) -> HostSample | None:
    """None where there is no such kernel."""
    try:
        ticks = [int(word) for word in (proc / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        memory = _memory((proc / "meminfo").read_text())
    except (OSError, ValueError):
        return None
    _user, _nice, _system, idle, disk_wait, _irq, _softirq, stolen = ticks  # guests' time is in user time already
    return HostSample(
        at=time.time(),
        total_seconds=sum(ticks) / TICKS,
        idle_seconds=(idle + disk_wait) / TICKS,
        disk_wait_seconds=disk_wait / TICKS,
        stolen_seconds=stolen / TICKS,
        memory_bytes=memory.get("MemTotal", 0),
        memory_available_bytes=memory.get("MemAvailable", 0),
        swap_used_bytes=memory.get("SwapTotal", 0) - memory.get("SwapFree", 0),
        stalled_cpu_seconds=_stalled(proc / "pressure" / "cpu"),
        stalled_disk_seconds=_stalled(proc / "pressure" / "io"),
        stalled_memory_seconds=_stalled(proc / "pressure" / "memory"),
    )


def _memory(text: str) -> dict[str, int]:
    lines = (line.partition(":") for line in text.splitlines())
    return {name: int(value.split()[0]) * 1024 for name, _colon, value in lines if value.strip()}


def _stalled(path: Path) -> float | None:
    """`some … total=` is in microseconds."""
    try:
        return int(path.read_text().split("\n", 1)[0].rpartition("total=")[2]) / 1e6
    except (OSError, ValueError):
        return None

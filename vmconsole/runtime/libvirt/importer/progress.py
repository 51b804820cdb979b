"""Tells how far the work is, and notices when the host runs out of space.

The file is written at most twice a second: often enough for a moving bar, seldom enough for a slow disk.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from vmconsole.runtime.libvirt.importer import jobs
from vmconsole.runtime.libvirt.importer.failures import disk_full
from vmconsole.runtime.libvirt.importer.jobs import JobFile

_EVERY_SECONDS = 0.5
# What running machines may still grow into while we work. Much more, and small hosts could import nothing.
_RESERVE_BYTES = 256 * 2**20
_RESERVE_SHARE = 0.02


class Progress:
    """Steps of the work, each a span of the whole: `step("Downloading", 0, 80)` and then `at(0.5)` is 40 %."""

    def __init__(self, path: Path, job: JobFile) -> None:
        self.path = path
        self.job = job
        self._span = (0.0, 100.0)
        self._words = ""
        self._told = 0.0

    def step(self, words: str, start: float, end: float) -> None:
        self._words, self._span = words, (start, end)
        self.job.percent, self.job.message = start, words
        self.save()

    def at(self, share: float | None, words: str = "") -> None:
        """`share` of this step is done, 0 to 1; None when nobody knows how much there is."""
        if time.monotonic() - self._told < _EVERY_SECONDS:
            return
        start, end = self._span
        self.job.percent = None if share is None else round(start + (end - start) * min(max(share, 0.0), 1.0), 2)
        self.job.message = words or self._words
        self.save()

    def save(self) -> None:
        self._told = time.monotonic()
        jobs.write(self.path, self.job)


def check_space(folder: Path, needed: int = 0) -> None:
    """Refuse, or stop, before the host is full: a full disk pauses every running machine."""
    disk = os.statvfs(folder)
    free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    reserve = min(_RESERVE_BYTES, int(total * _RESERVE_SHARE))
    if free - reserve < needed:
        raise disk_full(f"{free} bytes free in {folder}, {needed} needed besides {reserve} kept")


def mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"

"""What a serial port printed while somebody sat at it: the part of its log between a session's start and its end.

The log is begun anew when it is full. So the start and the end of a session each note the file (by its inode, which a
renamed file keeps) and how long it was; that is enough to cut the part out again for as long as the file is kept.
Where times of the log are kept (`kept_log.py`), the part is also known to have grown step by step.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vmconsole.gateway.kept_log import KeptLog, opened

MOST = 2 << 20  # bytes that a browser is given to play; the rest of a longer session is in the log itself
SLACK = 5.0  # seconds by which two clocks of one host may seem to differ
Steps = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes; and how many of them were there how many seconds after the session's start, where that is known."""

    data: bytes
    steps: Steps | None


def place_in(log: Path) -> dict[str, int]:
    """Where the log ends now, for the audit. Nothing when there is none."""
    try:
        about = os.stat(log, follow_symlinks=False)
    except OSError:
        return {}
    return {"log_file": about.st_ino, "log_at": about.st_size} if stat.S_ISREG(about.st_mode) else {}


def between(log: Path, start: Mapping[str, Any], end: Mapping[str, Any], begun: float) -> Part | None:
    """The part; None when the file in which it began is not kept any more. Without an end: up to now."""
    with opened(log) as kept:
        first = _place(kept, start)
        if first is None:
            return None
        at = kept.times.at(first)
        if at is not None and at < begun - SLACK:
            return None  # another file that got the same inode, and is older than the session
        last = _place(kept, end)
        last = min(kept.size if last is None else max(first, last), first + MOST)
        steps = kept.times.steps(first, last) if last > first else []
        data = kept.read(first, last)
    return Part(data, None if steps is None else [(length, max(0.0, at - begun)) for length, at in steps])


def _place(kept: KeptLog, noted: Mapping[str, Any]) -> int | None:
    return kept.place(int(noted["log_file"]), int(noted["log_at"])) if "log_at" in noted else None

"""What a serial port printed while somebody sat at it: the part of its log between a session's start and its end.

The log is begun anew when it is full. So the start and the end of a session each note the file (by its inode, which a
renamed file keeps) and how long it was; that is enough to cut the part out again for as long as the file is kept.
Whoever opens the console is shown what was printed last before they came; without it a session at a machine that was
silent, or only just started, would look as if they had sat before an empty screen.

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
SEEN = 256 * 1024  # bytes of earlier output that whoever opens the console is shown first
SLACK = 5.0  # seconds by which two clocks of one host may seem to differ
NO_FILE = 0  # no file has this inode
Steps = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes; and how many of them were there how many seconds after the session's start, where that is known.

    `before` is what was on the screen already when it began.
    """

    data: bytes
    steps: Steps | None
    before: bytes = b""


def place_in(log: Path) -> dict[str, int]:
    """Where the log ends now, for the audit. Before a machine's first start there is none: its beginning is the place.

    Nothing when there is a log that is not for us.
    """
    try:
        about = os.stat(log, follow_symlinks=False)
    except FileNotFoundError:
        return {"log_file": NO_FILE, "log_at": 0}
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
        if last is None and "log_at" in end and start["log_file"] == NO_FILE:
            return None  # it was there in the end, and is not any more
        last = min(kept.size if last is None else max(first, last), first + MOST)
        steps = kept.times.steps(first, last) if last > first else []
        data, before = kept.read(first, last), kept.read(max(0, first - SEEN), first)
    return Part(data, None if steps is None else [(length, max(0.0, at - begun)) for length, at in steps], before)


def _place(kept: KeptLog, noted: Mapping[str, Any]) -> int | None:
    if "log_at" not in noted:
        return None
    inode = int(noted["log_file"])
    return 0 if inode == NO_FILE else kept.place(inode, int(noted["log_at"]))

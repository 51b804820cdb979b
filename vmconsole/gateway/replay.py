"""What a serial port printed while somebody sat at it: the part of its log between a session's start and its end.

The log itself carries no times and is begun anew when it is full. So the start and the end of a session each note the
file (by its inode, which a renamed file keeps) and how long it was; that is enough to cut the part out again for as
long as the file is kept.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MOST = 2 << 20  # bytes that a browser is given to play; the rest of a longer session is in the log itself
KEPT = 4  # rotations that are looked through


def place_in(log: Path) -> dict[str, int]:
    """Where the log ends now, for the audit. Nothing when there is none."""
    try:
        about = os.stat(log, follow_symlinks=False)
    except OSError:
        return {}
    return {"log_file": about.st_ino, "log_at": about.st_size} if stat.S_ISREG(about.st_mode) else {}


def between(log: Path, start: Mapping[str, Any], end: Mapping[str, Any]) -> bytes | None:
    """The bytes; None when the file in which they began is not kept any more. Without an end: up to now."""
    files = list(_kept(log))
    begun = next((number for number, (_path, inode) in enumerate(files) if inode == start.get("log_file")), None)
    if begun is None:
        return None
    found = b""
    for path, inode in reversed(files[: begun + 1]):
        first = int(start.get("log_at", 0)) if inode == start.get("log_file") else 0
        last = int(end["log_at"]) if inode == end.get("log_file") else None
        found += _read(path, first, min(MOST - len(found), MOST if last is None else max(0, last - first)))
        if last is not None or len(found) >= MOST:
            break
    return found


def _kept(log: Path) -> Iterable[tuple[Path, int]]:
    """The log and its older files, the newest first."""
    for path in (log, *(log.with_name(f"{log.name}.{number}") for number in range(KEPT))):
        place = place_in(path)
        if place:
            yield path, place["log_file"]


def _read(path: Path, offset: int, most: int) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.pread(file, most, offset)
    finally:
        os.close(file)

"""A serial log and its older files as one text, and when it was printed, as far as that is known.

virtlogd keeps bytes, not times. While the supervisor runs it writes down how long each log was when
(`scripts/lib/log_times.py` says how, and what its records mean). Where there is no such index, on a host's own libvirt
say, everything can be read all the same and no time is known.
"""

from __future__ import annotations

import os
import stat
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import inf
from pathlib import Path
from zlib import crc32

from django.utils.translation import gettext as _

from vmconsole.access.errors import Refused

ROTATIONS = 4  # older files that are looked for
RECORD = struct.Struct("<qQQ")
MOST_INDEX = 1 << 20
MOST_LINE = 4096  # bytes by which a cut is moved to the end of its line
RECENT = 2.0  # seconds within which a write is in the index, if anybody keeps one
LATEST = 1 << 43  # milliseconds: no clock is that wrong, so it is no record of ours
Record = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """One file, open; `begin` is where it begins in the whole."""

    file: int
    inode: int
    size: int
    begin: int
    written: float


Stretch = tuple[int, float, bool]  # bytes up to there, printed by that time, and whether it was then


class Times:
    """When what part was printed."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        # A later record is the better witness: what it says was there by then, was.
        self.by = list(accumulate((by for _, by, _ in reversed(stretches)), min))[::-1]
        self.ends = [end for end, _, _ in stretches]
        self.exact = [exact for _, _, exact in stretches]
        before = [-inf, *self.by]  # what was not watched may have been printed ever since the stretch before it
        self.after = [at if exact else since for at, exact, since in zip(self.by, self.exact, before, strict=False)]

    @property
    def known(self) -> bool:
        """Whether there is a time at all. Of what was never printed everything is known."""
        return not self.ends or any(self.exact)

    def at(self, offset: int) -> float | None:
        """When the byte there was printed."""
        number = bisect_right(self.ends, offset)
        return self.by[number] if number < len(self.ends) and self.exact[number] else None

    def between(self, since: float, until: float) -> tuple[int, int]:
        """From where to where. What may have been printed then is in it."""
        first, last = bisect_left(self.by, since), bisect_right(self.after, until)
        start = self.ends[first - 1] if first else 0
        return start, max(start, self.ends[last - 1] if last else 0)

    def steps(self, start: int, end: int) -> list[tuple[int, float]] | None:
        """How that part grew: its length, and when. None when that is not known of all of it."""
        first, last = bisect_right(self.ends, start), bisect_left(self.ends, end)
        if not all(self.exact[first : last + 1]):
            return None
        return [
            (min(to, end) - start, at) for to, at in zip(self.ends[first : last + 1], self.by[first:], strict=False)
        ]


class KeptLog:
    """What is kept of a log. Files are held open, so that a rotation meanwhile moves nothing."""

    def __init__(self, pieces: Sequence[Piece], index: Path) -> None:
        self.pieces = pieces
        self.index = index
        self.size = sum(piece.size for piece in pieces)

    @cached_property
    def times(self) -> Times:
        return times_of(self.pieces, records_of(self.index))

    @property
    def mark(self) -> str:
        """The same for as long as nothing was printed, and nothing more is known of when."""
        about = seen(self.index)
        state = [(piece.inode, piece.size) for piece in self.pieces], about and (about.st_ino, about.st_size)
        return f"{crc32(repr(state).encode()):08x}"

    def read(self, start: int, end: int) -> bytes:
        return b"".join(
            os.pread(piece.file, min(end - piece.begin, piece.size) - first, first)
            for piece in self.pieces
            if (first := max(0, start - piece.begin)) < piece.size and end - piece.begin > first
        )

    def place(self, inode: int, offset: int) -> int | None:
        """Where this place in one of the files is in the whole; None when that file is not kept any more."""
        return next(
            (piece.begin + offset for piece in self.pieces if piece.inode == inode and offset <= piece.size), None
        )

    def in_newest(self, place: int) -> int:
        """The same place in the newest file."""
        return max(0, place - self.pieces[-1].begin) if self.pieces else 0

    def between(self, since: float, until: float) -> tuple[int, int]:
        """The lines of which something was printed then."""
        if not self.times.known:
            raise Refused(
                _("It is not known when this machine printed what: no times are kept for its serial log."),
                reason="TimesUnknown",
                status=409,
            )
        start, end = self.times.between(since, until)
        if start == end:
            return start, end
        return self._line_start(start), self._line_end(end)

    def _line_start(self, place: int) -> int:
        before = self.read(max(0, place - MOST_LINE), place)
        return place - len(before.rpartition(b"\n")[2])

    def _line_end(self, place: int) -> int:
        if self.read(place - 1, place) == b"\n":
            return place
        line, newline, _rest = self.read(place, place + MOST_LINE).partition(b"\n")
        return place + len(line + newline)


@contextmanager
def opened(log: Path) -> Iterator[KeptLog]:
    """Of a log that is not there, or that is not for us, nothing is kept."""
    with ExitStack() as stack:
        found: dict[int, tuple[int, os.stat_result]] = {}
        for path in (log, *(log.with_name(f"{log.name}.{number}") for number in range(ROTATIONS))):
            file = _open(path)
            if file is not None:
                stack.callback(os.close, file)
                about = os.fstat(file)
                if stat.S_ISREG(about.st_mode):
                    found.setdefault(about.st_ino, (file, about))  # one that was renamed meanwhile is seen twice
        pieces, begin = [], 0
        for file, about in reversed(found.values()):
            pieces.append(Piece(file, about.st_ino, about.st_size, begin, about.st_mtime))
            begin += about.st_size
        yield KeptLog(pieces, log.with_name(f"{log.name}.times"))


def seen(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path, follow_symlinks=False)
    except OSError:
        return None


def _open(path: Path) -> int | None:
    """Of a machine made outside, the name comes from elsewhere: no link is followed, and no pipe is waited for."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None


def records_of(index: Path) -> list[Record]:
    file = _open(index)
    if file is None:
        return []
    try:
        data = os.pread(file, MOST_INDEX, 0) if stat.S_ISREG(os.fstat(file).st_mode) else b""
    finally:
        os.close(file)
    return list(RECORD.iter_unpack(data[: len(data) - len(data) % RECORD.size]))


def times_of(pieces: Iterable[Piece], records: Iterable[Record]) -> Times:
    """An inode may have been another file's before: only what was written since the file began counts."""
    runs: dict[int, list[tuple[int, int]]] = {}
    for at, inode, length in records:
        if abs(at) > LATEST:
            continue
        run = runs.setdefault(inode, [])
        if run and (not length or length < run[-1][1]):
            run.clear()
        run.append((at, length))
    return Times([stretch for piece in pieces for stretch in _stretches(piece, runs.get(piece.inode, []))])


def _stretches(piece: Piece, run: Iterable[tuple[int, int]]) -> Iterator[Stretch]:
    done, watched, last = 0, False, -inf
    for at, length in run:
        end, last = min(length, piece.size), abs(at) / 1000
        if end > done:
            yield piece.begin + end, last, watched and at > 0
        done, watched = end, True
    if done < piece.size:  # what came after the last look: the file itself says when it was written
        yield piece.begin + piece.size, piece.written, watched and piece.written - last < RECENT

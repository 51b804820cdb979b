"""When serial logs grew: beside each one a small index, because the log itself carries no times.

Guests print bytes and virtlogd keeps them as they are. So while a log grows, its length is written down four times a
second at the most, in `<uid>.log.times`, as records of three little-endian numbers of 64 bits:

    milliseconds since 1970 (UTC) · the log file's inode · its length then

What lies between two records of a file was printed by the time of the later one. A time below nought says "not later
than that": so much was printed while nobody watched. A length of nought says that the file begins there; only then is
the first record's time that of the bytes before it. The console reads it in `vmconsole/gateway/kept_log.py`.

An event only means "look": then every log is looked at, and nothing is heard until the next look is due. A guest that
floods its serial port costs as much as one that prints a line now and then, and a silent one nothing.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import linux

RECORD = struct.Struct("<qQQ")
ENDING = ".times"
LOG = re.compile(r"(.+\.log)(\.\d)?")
LARGEST = 512 * 1024  # bytes of an index: over an hour of output without a pause, before it is thinned out
PAUSE = 0.25  # seconds between two looks
FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
Record = tuple[int, int, int]


class LogTimes:
    """The indexes of one folder. `known` is what each log's last record says: its inode and length."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.due = float("inf")
        self.known: dict[str, tuple[int, int]] = {}
        self.watch = linux.Watch(folder, linux.IN_MODIFY | linux.IN_DELETE | linux.IN_MOVED_TO)
        logs = self.logs()
        for name in os.listdir(folder):
            if name.endswith(ENDING) and name.removesuffix(ENDING) not in logs:
                self.forget(name.removesuffix(ENDING))
        for name in logs:
            self.catch_up(name)

    def rest(self) -> float:
        """Seconds until the next look is due, whatever happens."""
        return max(0.0, self.due - time.monotonic())

    def look(self) -> None:
        """Write down what grew. While something grows nothing is heard, and the next look comes by itself."""
        self.watch.deafen()
        hears = self.hears()  # before looking, so that nothing gets lost in between
        logs = self.logs()
        grew = [name for name in logs if self.note(name)]
        for name in self.known.keys() - logs:
            self.forget(name)
        if grew:
            self.watch.deafen()
        self.due = time.monotonic() + PAUSE if grew or not hears else float("inf")

    def hears(self) -> bool:
        try:
            self.watch.listen()
        except OSError:  # the host has no watches left: then it is looked at by the clock
            return False
        return True

    def logs(self) -> set[str]:
        """Logs of which anything is there, by the newest file's name: between two files that may be missing."""
        return {found[1] for name in os.listdir(self.folder) if (found := LOG.fullmatch(name))}

    def note(self, name: str) -> bool:
        about = seen(self.folder / name)
        if about is None:
            return False
        now = int(time.time() * 1000)
        inode, size = self.known.get(name, (0, 0))
        begins = inode != about.st_ino or about.st_size < size
        if not begins and about.st_size == size:
            return False
        records = [(now, about.st_ino, length) for length in ([0] if begins else []) + [about.st_size]]
        return self.write(name, records[: 2 if about.st_size else 1])

    def catch_up(self, name: str) -> None:
        """A log that was there before us: what it has and its index has not was printed we do not know when."""
        about, last = seen(self.folder / name), last_of(self.folder / f"{name}{ENDING}")
        if about is None:
            return
        self.known[name] = about.st_ino, about.st_size
        if about.st_size and last[1:] != (about.st_ino, about.st_size):
            self.write(name, [(-int(about.st_mtime * 1000), about.st_ino, about.st_size)])

    def write(self, name: str, records: list[Record]) -> bool:
        """Append. What cannot be written, on a full disk say, is part of the next record."""
        index = self.folder / f"{name}{ENDING}"
        try:
            file = os.open(index, FLAGS | os.O_CREAT, 0o640)
        except OSError:
            return False
        try:
            about = os.fstat(file)
            if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
                return False  # whoever owns the folder is not root
            os.ftruncate(file, about.st_size - about.st_size % RECORD.size)  # a record that a crash cut
            os.write(file, b"".join(RECORD.pack(*record) for record in records))
        except OSError:
            return False
        finally:
            os.close(file)
        self.known[name] = records[-1][1:]
        if about.st_size >= LARGEST:
            self.trim(name)
        return True

    def trim(self, name: str) -> None:
        """Leave out files that are not kept any more, then every second record, then the oldest."""
        index, draft = self.folder / f"{name}{ENDING}", self.folder / f"{name}{ENDING}.new"
        files = (self.folder / each for each in os.listdir(self.folder) if each.startswith(name))
        kept = {about.st_ino for about in map(seen, files) if about}
        records = shortened([record for record in records_of(index) if record[1] in kept])
        with suppress(OSError):
            draft.unlink(missing_ok=True)
            file = os.open(draft, FLAGS | os.O_CREAT | os.O_EXCL, 0o640)
            try:
                os.write(file, b"".join(RECORD.pack(*record) for record in records))
            finally:
                os.close(file)
            draft.replace(index)

    def forget(self, name: str) -> None:
        self.known.pop(name, None)
        with suppress(OSError):
            (self.folder / f"{name}{ENDING}").unlink()


def seen(path: Path) -> os.stat_result | None:
    with suppress(OSError):
        about = path.lstat()
        return about if stat.S_ISREG(about.st_mode) else None
    return None


def records_of(index: Path) -> list[Record]:
    try:
        file = os.open(index, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        data = os.pread(file, 2 * LARGEST, 0)
    finally:
        os.close(file)
    return list(RECORD.iter_unpack(data[: len(data) - len(data) % RECORD.size]))


def last_of(index: Path) -> Record:
    return next(reversed(records_of(index)), (0, 0, 0))


def shortened(records: list[Record]) -> list[Record]:
    """Well below the largest. What is merged gets the later time; what is known to be unknown stays so."""
    most = LARGEST // RECORD.size
    if len(records) > most // 2:
        records = list(thinned(records))
    if len(records) > most * 3 // 4:
        records = records[-most // 2 :]
        at, inode, length = records[0]
        records[0] = -abs(at), inode, length
    return records


def thinned(records: list[Record]) -> Iterable[Record]:
    for number, record in enumerate(records):
        after = records[number + 1] if number + 1 < len(records) else (-1, 0, 0)
        if number % 2 or record[0] < 0 or not record[2] or after[0] < 0 or after[1] != record[1]:
            yield record

"""Serial logs as other processes need them: readable by the consoles' group, and going on when virtlogd is lost.

virtlogd (root) makes every log file with mode 0600, new ones on rotation too, and no umask or default ACL can widen
that. Their group is right already (the folder's set-group-id bit); so the one missing bit is added the moment a file
appears.

A guest writes its serial log into a pipe whose reading end is with virtlogd alone. When virtlogd is killed, a new one
cannot get at that pipe, and libvirt's guests fall silent until they are started again. But the guest keeps its writing
end open, and Linux lets root open the other end of it anew through /proc; so we read those pipes ourselves, for as
long as the guest runs, with virtlogd's own rotation.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import linux
from log_times import LogTimes

MODE = 0o640
LARGEST, BACKUPS = 2 * 1024 * 1024, 3  # as in libvirt_config.VIRTLOGD
GAP = "\r\n[{at} recording was interrupted here]\r\n"
CHUNK = 65536


class SerialLogs:
    """The folder of logs, with its watch and the pipes that we read in virtlogd's place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watch = linux.Watch(folder)
        self.poll = select.poll()
        self.poll.register(self.watch.fd, select.POLLIN)
        self.pipes: dict[int, tuple[int, Path]] = {}  # our end -> inode, log
        self.open_all()
        self.times = LogTimes(folder)
        self.poll.register(self.times.watch.fd, select.POLLIN)

    def open_all(self) -> None:
        for name in os.listdir(self.folder):
            self.open_one(name)

    def open_one(self, name: str) -> None:
        """Let the group read it. Opened without following links: whoever owns the folder is not root."""
        try:
            fd = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return  # removed or rotated away in the meantime
        try:
            os.fchmod(fd, MODE)
        finally:
            os.close(fd)

    def wait(self, seconds: float) -> Iterator[int]:
        """Descriptors that something came on; none when so much time went by."""
        for fd, _ in self.poll.poll(min(seconds, self.times.rest()) * 1000):
            yield fd
        if self.times.rest() <= 0:
            self.times.look()

    def handle(self, fd: int) -> None:
        """Something came on one of our descriptors."""
        if fd == self.watch.fd:
            for name in self.watch.names():
                self.open_one(name) if name else self.open_all()
        elif fd == self.times.watch.fd:
            self.times.look()
        elif fd in self.pipes:
            self.copy(fd)

    def adopt(self, guests: Iterable[int], virtlogd: int) -> None:
        """Read every guest's log pipe that nobody reads. `virtlogd` is the process id of the one that runs, or 0."""
        read = {inode for _, inode, writes in pipe_ends(virtlogd) if not writes} if virtlogd else set()
        read |= {inode for inode, _ in self.pipes.values()}
        for guest in guests:
            for fd, inode in log_pipes(guest):
                if inode not in read:
                    self.take(guest, fd, inode)

    def take(self, guest: int, fd: int, inode: int) -> None:
        with suppress(OSError):  # the guest ended in the meantime
            ours = os.open(f"/proc/{guest}/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            log = self.folder / f"{machine(guest)}.log"
            self.pipes[ours] = (inode, log)
            self.poll.register(ours, select.POLLIN)
            append(log, GAP.format(at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")).encode())

    def copy(self, fd: int) -> None:
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        if data:
            append(self.pipes[fd][1], data)
            return
        self.poll.unregister(fd)  # the guest is gone
        os.close(fd)
        del self.pipes[fd]


def pipe_ends(pid: int) -> Iterator[tuple[int, int, bool]]:
    """A process' pipes: descriptor, inode, whether it is the writing end."""
    for entry in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):  # closed while we looked
            seen = entry.stat()
            if stat.S_ISFIFO(seen.st_mode):
                # The link's own mode tells how the descriptor was opened.
                yield int(entry.name), seen.st_ino, bool(entry.lstat().st_mode & stat.S_IWUSR)


def log_pipes(guest: int) -> list[tuple[int, int]]:
    """Where a QEMU writes its serial log: a pipe that it only writes to, and that is not its standard output."""
    ends = list(pipe_ends(guest))
    elsewhere = {inode for fd, inode, writes in ends if fd <= 2 or not writes}
    return [(fd, inode) for fd, inode, writes in ends if writes and inode not in elsewhere]


def machine(guest: int) -> str:
    words = Path(f"/proc/{guest}/cmdline").read_bytes().split(b"\0")
    return words[words.index(b"-uuid") + 1].decode()


def append(log: Path, data: bytes) -> None:
    """Write to the log's end; rotate it as virtlogd does."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(log, flags, MODE)
    try:
        os.write(fd, data)
        full = os.fstat(fd).st_size >= LARGEST
    finally:
        os.close(fd)
    if full:
        for number in range(BACKUPS - 1, -1, -1):
            older = log.with_name(f"{log.name}.{number}")
            newer = log.with_name(f"{log.name}.{number - 1}") if number else log
            with suppress(FileNotFoundError):
                newer.replace(older)

"""The few Linux calls that Python 3.11 has no name for: namespaces, mounts, prctl and inotify.

By ctypes rather than by `unshare` and `mount` programs: the supervisor must stay in one process to be the parent of
what it starts, and it runs before any package of ours is installed.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 1, 32, 4096, 16384, 1 << 19
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
IN_MODIFY, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x2, 0x80, 0x100, 0x200

libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def own_mounts() -> None:
    """A mount namespace of our own: what is mounted from here on, the host does not see."""
    _checked(libc.unshare(CLONE_NEWNS))
    _checked(libc.mount(b"none", b"/", None, MS_REC | MS_SLAVE, None))


def bind(source: Path, target: Path, *, recursive: bool = False, read_only: bool = False) -> None:
    flags = MS_BIND | (MS_REC if recursive else 0)
    _checked(libc.mount(os.fsencode(source), os.fsencode(target), None, flags, None))
    if read_only:
        _checked(libc.mount(b"none", os.fsencode(target), None, MS_REMOUNT | MS_BIND | MS_RDONLY, None))


def mount_sysfs() -> None:
    _checked(libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None))


def enter_network(name: str) -> None:
    """Move this process into a network namespace made by `ip netns add`."""
    with open(f"/run/netns/{name}", "rb") as handle:
        _checked(libc.setns(handle.fileno(), CLONE_NEWNET))


def adopt_orphans() -> None:
    """Be the parent of descendants that lost theirs (a guest is started as a daemon)."""
    _checked(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def die_with_parent(signal_number: int) -> None:
    """To be called in a child: get this signal when the parent is gone, however it went."""
    _checked(libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0))


class Watch:
    """Names that appear in one folder, or what else the mask says."""

    def __init__(self, folder: Path, mask: int = IN_CREATE | IN_MOVED_TO) -> None:
        self.folder, self.mask = folder, mask
        self.fd = _checked(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self.listen()

    def listen(self) -> None:
        self._number = _checked(libc.inotify_add_watch(self.fd, os.fsencode(self.folder), self.mask))

    def deafen(self) -> None:
        """Hear nothing until `listen`, and forget what was heard: however much happens, it costs nothing."""
        libc.inotify_rm_watch(self.fd, self._number)
        with suppress(BlockingIOError):
            while os.read(self.fd, 65536):
                pass

    def names(self) -> Iterator[str]:
        """What appeared since the last call. An empty name: too much at once, look at everything."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            length = struct.unpack_from("iIII", data, at)[3]
            at += 16
            yield os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length

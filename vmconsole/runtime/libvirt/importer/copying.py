"""Copies files inside the host the cheapest way it knows: a shared extent, in the kernel, without holes."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO, Final

from vmconsole.runtime.libvirt.importer.failures import ImportFailed
from vmconsole.runtime.libvirt.importer.progress import check_space

_FICLONE: Final = 0x40049409
_PIECE: Final = 32 * 2**20
_NOT_HERE: Final = {errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM}


def open_regular(path: Path) -> BinaryIO:
    """The file, if it is one: no link, no device, no pipe that somebody put in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ImportFailed(
            "SourceMissing", "The image to take in is not there any more. Upload it again.", str(error)
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ImportFailed("SourceMissing", "The image to take in is not a file.", str(path))
    return os.fdopen(descriptor, "rb")


def share(source: BinaryIO, target: IO[bytes]) -> bool:
    """Let both files have the same blocks until one is written. False where the file system cannot."""
    try:
        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError as error:
        if error.errno in _NOT_HERE:
            return False
        raise
    return True


def shares(source: Path) -> bool:
    """Whether a copy of this file beside it would cost nothing."""
    with open_regular(source) as origin, tempfile.TemporaryFile(dir=source.parent) as fresh:
        return share(origin, fresh)


def copy(source: Path, target: Path, *, moved: Callable[[float], None]) -> None:
    """A copy of `source`, holes kept, not on disk yet. `moved` hears the share done, and may raise to stop it."""
    with open_regular(source) as origin, target.open("wb") as fresh:
        if not share(origin, fresh):
            length = os.fstat(origin.fileno()).st_size
            check_space(target.parent, os.fstat(origin.fileno()).st_blocks * 512)
            _copy_data(origin.fileno(), fresh.fileno(), length, moved)
            os.ftruncate(fresh.fileno(), length)


def _copy_data(source: int, target: int, length: int, moved: Callable[[float], None]) -> None:
    at = 0
    while at < length:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return  # only a hole is left
            raise
        end = os.lseek(source, at, os.SEEK_HOLE)
        while at < end:
            done = _copy_piece(source, target, at, min(_PIECE, end - at))
            if done == 0:
                return  # it became shorter meanwhile
            at += done
            moved(at / length)


def _copy_piece(source: int, target: int, at: int, length: int) -> int:
    try:
        return os.copy_file_range(source, target, length, at, at)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
    data = os.pread(source, min(length, 2**20), at)
    return os.pwrite(target, data, at)

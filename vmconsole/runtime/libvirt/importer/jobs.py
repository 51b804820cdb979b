"""The job file: what is to be made, how far it is, and whether anybody is at it.

Written whole and renamed, so every reader sees one moment. Who works on a job holds a lock that the kernel drops
when the process dies, whatever it dies of: a process id in a file could be somebody else's by now.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import msgspec

from vmconsole.runtime.libvirt.volume_places import VolumePlaces
from vmconsole.runtime.types import BlankSource, FileSource, HttpSource, Phase, VolumeSource, VolumeSpec

_FLOCK = "hhqqi"  # struct flock of 64-bit Linux


class JobFile(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One volume to make. `headers` may hold secrets: emptied as soon as they are not needed any more."""

    uid: UUID
    namespace: str
    name: str
    size_bytes: int
    image: bool = False
    phase: Phase = Phase.PENDING
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    checksum: str = ""
    volume: UUID | None = None
    upload: str = ""

    percent: float | None = None
    message: str = ""
    reason: str = ""
    detail: str = ""
    etag: str = ""
    total_bytes: int = 0
    received: bool = False

    @property
    def failed(self) -> bool:
        return self.phase is Phase.FAILED


def job_for(spec: VolumeSpec) -> JobFile:
    job = JobFile(
        uid=spec.uid, namespace=spec.namespace, name=spec.name, size_bytes=spec.size_bytes, image=spec.image
    )  # fmt: skip
    match spec.source:
        case HttpSource(url, headers, checksum):
            job.url, job.headers, job.checksum = url, headers, checksum
        case VolumeSource(volume):
            job.volume = volume
        case FileSource(name, checksum):
            job.upload, job.checksum = name, checksum
        case BlankSource():
            pass
    return job


def read(path: Path) -> JobFile | None:
    """The job, or None when there is none. One that cannot be read counts as failed."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=JobFile)
    except FileNotFoundError:
        return None
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        uid = UUID(path.stem)
        sentence = "The record of this import cannot be read. Delete the disk and create it again."
        return JobFile(
            uid=uid, namespace="", name="", size_bytes=0, phase=Phase.FAILED, reason="JobUnreadable", message=sentence,
            detail=str(error),
        )  # fmt: skip


def write(path: Path, job: JobFile) -> None:
    fresh = path.with_suffix(".json.tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(job))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def remove(places: VolumePlaces, uid: UUID) -> None:
    places.job(uid).unlink(missing_ok=True)
    places.job(uid).with_suffix(".json.tmp").unlink(missing_ok=True)


@contextmanager
def working(places: VolumePlaces, uid: UUID) -> Iterator[bool]:
    """Be the one who works on this job; False when another process is."""
    path = places.lock(uid)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        if _is_still(path, descriptor):
            break
        os.close(descriptor)  # the one before us removed it meanwhile
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)  # before the lock is dropped, or it could be the next one's
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def worker_of(places: VolumePlaces, uid: UUID) -> int:
    """The process that works on this job; 0 when none does."""
    try:
        descriptor = os.open(places.lock(uid), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, *_, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    finally:
        os.close(descriptor)
    return 0 if kind == fcntl.F_UNLCK else int(pid)

"""The way of a volume from its source to its place, each step repeatable after a crash.

fetch -> verify -> unpack -> inspect -> convert -> grow -> publish. Only the download keeps what it had; every other
step is cheaper to do again than to trust.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from vmconsole.runtime.addresses import allow_list
from vmconsole.runtime.images import BadImage, ImageHeader, container_of, inspect, unpack
from vmconsole.runtime.libvirt.importer import copying, jobs, qemu_img
from vmconsole.runtime.libvirt.importer.download import Download, Patience
from vmconsole.runtime.libvirt.importer.failures import ImportFailed
from vmconsole.runtime.libvirt.importer.jobs import JobFile
from vmconsole.runtime.libvirt.importer.progress import Progress, check_space
from vmconsole.runtime.libvirt.volume_places import VolumePlaces
from vmconsole.runtime.quantities import format_quantity
from vmconsole.runtime.types import Phase

_SECTOR: Final = 512
_FILE_MODE: Final = 0o660
_CHECKSUMS: Final = {"sha256": 64, "sha512": 128}


def make(job: JobFile, places: VolumePlaces, *, patience: Patience | None = None) -> Path:
    """Make the volume's file, ready to be published, or raise ImportFailed. May be called again after any crash."""
    progress = Progress(places.job(job.uid), job)
    partial = places.work(job.uid, "partial", image=job.image)
    partial.unlink(missing_ok=True)
    try:
        if job.volume is not None:
            _clone(job, places, partial, progress)
        elif job.url or job.upload:
            _import(job, places, partial, progress, patience or Patience())
        else:
            blank(partial, job.size_bytes)
    except BadImage as refusal:
        raise ImportFailed(refusal.reason, refusal.sentence) from refusal
    return partial


def blank(partial: Path, size: int) -> None:
    qemu_img.create(partial, -(-size // _SECTOR) * _SECTOR)


def _clone(job: JobFile, places: VolumePlaces, partial: Path, progress: Progress) -> None:
    job.phase = Phase.CLONING
    progress.step("Copying", 0, 98)
    source = places.volume(job.volume) if job.volume else None
    if source is None:
        raise ImportFailed("SourceMissing", "The disk or image to copy from is not there. Choose another one.")
    size = _image_size(source) if source.parent == places.images else _disk_size(source)
    copying.copy(source, partial, moved=progress.at)
    _grow(partial, size, job.size_bytes)


def _image_size(image: Path) -> int:
    """No machine ever writes to an image, so nobody has to be asked whether one does."""
    with copying.open_regular(image) as file:
        return inspect(file).virtual_bytes


def _disk_size(disk: Path) -> int:
    try:
        return qemu_img.virtual_size(disk)
    except qemu_img.LockHeld as error:
        raise ImportFailed(
            "SourceInUse",
            "The disk to copy from is being written by a running machine. Stop the machine first.",
            str(error),
        ) from error


def _import(job: JobFile, places: VolumePlaces, partial: Path, progress: Progress, patience: Patience) -> None:
    job.phase = Phase.IMPORTING
    received = _receive(job, places, progress, patience)
    if job.checksum:
        progress.step("Verifying the checksum", 75, 78)
        verify(received, job.checksum)
    disk = _unpack(job, places, received, progress)
    progress.step("Checking the image", 83, 85)
    with copying.open_regular(disk) as file:
        header = inspect(file)
    _check_fits(header, job.size_bytes)
    qemu_img.check(disk, header.format, header.virtual_bytes)
    progress.step("Converting", 85, 98)

    def moved(share: float) -> None:
        check_space(partial.parent)
        progress.at(share)

    qemu_img.convert(disk, header.format, partial, header.virtual_bytes, moved=moved)
    _grow(partial, qemu_img.virtual_size(partial), job.size_bytes)


def _receive(job: JobFile, places: VolumePlaces, progress: Progress, patience: Patience) -> Path:
    """The file as it was offered, in a place that only we can write to."""
    received = places.work(job.uid, "received", image=job.image)
    if job.received and received.exists():
        return received
    download = places.work(job.uid, "download", image=job.image)
    if job.url:
        progress.step("Downloading", 0, 75)
        Download(job, download, progress, allow=allow_list(), patience=patience).run()
    else:
        progress.step("Taking in the upload", 0, 75)
        # A copy: whoever may write the upload could otherwise change it after we have inspected it.
        copying.copy(places.uploads / Path(job.upload).name, download, moved=progress.at)
        _sync(download)  # before it counts as received
    download.replace(received)
    job.received, job.headers = True, ()
    jobs.write(places.job(job.uid), job)
    if job.upload:
        (places.uploads / Path(job.upload).name).unlink(missing_ok=True)
    return received


def verify(path: Path, checksum: str) -> None:
    method, _, wanted = checksum.partition(":")
    if _CHECKSUMS.get(method) != len(wanted):
        raise ImportFailed("BadChecksum", "The checksum must be written as sha256: or sha512: and its digits.")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, method).hexdigest()
    if found != wanted.lower():
        raise ImportFailed(
            "ChecksumMismatch",
            "The image is not the one that was meant: its checksum differs. Check the checksum or get the image again.",
            f"{method}:{found}",
        )


def _unpack(job: JobFile, places: VolumePlaces, received: Path, progress: Progress) -> Path:
    with copying.open_regular(received) as source:
        container = container_of(source)
        if not container:
            return received
        progress.step("Unpacking", 78, 83)
        unpacked = places.work(job.uid, "unpacked", image=job.image)
        packed_bytes = os.fstat(source.fileno()).st_size

        def moved(read: int) -> None:
            check_space(unpacked.parent)
            progress.at(read / packed_bytes)

        with unpacked.open("wb") as target:
            unpack(source, target, container, most_bytes=_most_unpacked(job), moved=moved)
    return unpacked


def _most_unpacked(job: JobFile) -> int:
    """A raw disk unpacks to its size; a qcow2 to little more than what is on it."""
    return job.size_bytes + job.size_bytes // 8 + 64 * 2**20 if job.size_bytes else 2 * 2**40


def _check_fits(header: ImageHeader, size_bytes: int) -> None:
    if size_bytes and header.virtual_bytes > size_bytes:
        needed, given = format_quantity(header.virtual_bytes), format_quantity(size_bytes)
        raise ImportFailed(
            "DiskTooSmall",
            f"The image holds a disk of {needed}, which does not fit on one of {given}. Ask for at least {needed}.",
        )


def _grow(partial: Path, size: int, wanted: int) -> None:
    wanted = -(-wanted // _SECTOR) * _SECTOR
    if wanted and wanted < size:
        raise ImportFailed(
            "DiskTooSmall",
            f"The source holds a disk of {format_quantity(size)}, which does not fit on one of "
            f"{format_quantity(wanted)}. Ask for at least {format_quantity(size)}.",
        )
    if wanted > size:
        qemu_img.resize(partial, wanted)


def publish(job: JobFile, places: VolumePlaces, partial: Path) -> None:
    """From here on it is a volume."""
    partial.chmod(_FILE_MODE)
    _sync(partial)
    partial.replace(places.target(job.uid, image=job.image))
    _sync(partial.parent)
    places.remove_work(job.uid)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

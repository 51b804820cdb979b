"""Volumes of one host: qcow2 files named by uid, and detached importers that make them.

libvirt's storage pools are not used: they probe formats by themselves, have no resumable import, and hold a lock of
the daemon while they copy. A file that is there under its final name is finished; everything else is in a job file.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import UUID

import vmconsole
from vmconsole.runtime.errors import Busy, Missing, Rejected, RuntimeFault, Unreachable
from vmconsole.runtime.images import qcow2
from vmconsole.runtime.libvirt.importer import copying, jobs, qemu_img, steps
from vmconsole.runtime.libvirt.importer.failures import ImportFailed, failed_by
from vmconsole.runtime.libvirt.importer.jobs import JobFile
from vmconsole.runtime.libvirt.volume_places import VolumePlaces
from vmconsole.runtime.quantities import format_quantity
from vmconsole.runtime.types import (
    BlankSource,
    FileSource,
    HttpSource,
    Job,
    Phase,
    VolumeSeen,
    VolumeSource,
    VolumeSpec,
)

STALLED: Final = "Stalled"
_ROOT: Final = Path(vmconsole.__file__).resolve().parent.parent
# Copied while the caller waits: starting a process takes longer than copying this much.
_SMALL: Final = 64 * 2**20
_LONGEST_LOG: Final = 2**20
_KEPT_VARIABLES: Final = ("VMCONSOLE_IMPORT_ALLOW", "SSL_CERT_FILE", "SSL_CERT_DIR", "LANG")

ResizeLive = Callable[[UUID, UUID, int], None]


class LibvirtVolumes:
    """The contract's `Volumes`. `resize_live(machine, volume, size)` grows a disk under a running machine."""

    def __init__(self, state: Path, *, resize_live: ResizeLive) -> None:
        self._places = VolumePlaces(state)
        self._resize_live = resize_live

    def list(self) -> list[VolumeSeen]:
        places = self._places
        files = [*places.disks.glob("*.qcow2"), *places.images.glob("*.qcow2"), *places.jobs.glob("*.json")]
        uids = sorted({uid for file in files if (uid := _uid_of(file)) is not None})
        return [seen for uid in uids if (seen := self.get(uid)) is not None]

    def get(self, uid: UUID) -> VolumeSeen | None:
        with _translated("look at the disk"):
            path = self._places.volume(uid)
            return _finished(uid, path) if path else self._unfinished(uid)

    def _unfinished(self, uid: UUID) -> VolumeSeen | None:
        """Looked at against the order in which an importer ends, so that one that ends meanwhile is never half seen."""
        worker = jobs.worker_of(self._places, uid)
        job = jobs.read(self._places.job(uid))
        path = self._places.volume(uid)
        if path is not None or job is None:
            return _finished(uid, path) if path else None
        work = Job(_kind(job), job.percent, job.message)
        # A failure is told when its importer has gone: whoever asks again at once must not be taken for asking twice.
        if worker:
            return VolumeSeen(uid, _phase(job), size_bytes=job.size_bytes, job=work)
        if job.failed:
            return VolumeSeen(uid, Phase.FAILED, message=job.message, reason=job.reason)
        words = "The import stopped and will be taken up again."
        return VolumeSeen(uid, _phase(job), job.size_bytes, job=work, message=words, reason=STALLED)

    def create(self, spec: VolumeSpec) -> None:
        """Blank disks and copies that cost nothing are made at once, all else by an importer."""
        with _translated("make the disk"):
            if self._places.volume(spec.uid) is not None or jobs.worker_of(self._places, spec.uid):
                return
            _refuse_nonsense(spec)
            job = jobs.read(self._places.job(spec.uid))
            if job is None or job.failed:
                job = jobs.job_for(spec)
                if self._made_at_once(job):
                    return
                jobs.write(self._places.job(spec.uid), job)
            try:
                self._start_importer(job)
            except (OSError, subprocess.SubprocessError):
                jobs.remove(self._places, spec.uid)  # asked for in vain, and not to come true later
                raise

    def _made_at_once(self, job: JobFile) -> bool:
        """True when it is there already. A crash here leaves nothing but a partial file, which the next try removes."""
        source = self._places.volume(job.volume) if job.volume else None
        if job.url or job.upload or (job.volume and not self._cheap(source)):
            return False
        with jobs.working(self._places, job.uid) as mine:
            if not mine:
                return True
            try:
                steps.publish(job, self._places, steps.make(job, self._places))
            finally:
                self._places.remove_work(job.uid)
                jobs.remove(self._places, job.uid)
        return True

    def _cheap(self, source: Path | None) -> bool:
        return source is not None and (source.stat().st_blocks * 512 <= _SMALL or copying.shares(source))

    def _start_importer(self, job: JobFile) -> None:
        """At low priority: guests come first. Nothing about the job is in its arguments but the file's name."""
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        environment |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(_ROOT)}
        command = ["nice", "-n", "10", "ionice", "-c", "2", "-n", "7", sys.executable]
        command += ["-m", "vmconsole.runtime.libvirt.importer", str(self._places.job(job.uid)), "--detach"]
        with self._log() as log:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd="/",
                check=True,
                timeout=30,
            )

    @contextmanager
    def _log(self) -> Iterator[int]:
        """Why imports failed, in detail, for the host's administrator. Begun anew when it has grown too long."""
        path = self._places.jobs / "importer.log"
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
        try:
            if os.fstat(descriptor).st_size > _LONGEST_LOG:
                os.ftruncate(descriptor, 0)
            yield descriptor
        finally:
            os.close(descriptor)

    def cancel(self, uid: UUID) -> None:
        """The importer cleans up after itself; after a dead one, we do."""
        with _translated("cancel the import"):
            job = jobs.read(self._places.job(uid))
            if job is None or self._places.volume(uid) is not None:
                return
            worker = jobs.worker_of(self._places, uid)
            if worker:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGTERM)
                return
            with jobs.working(self._places, uid) as mine:
                if mine:
                    self._places.remove_work(uid)
                    jobs.remove(self._places, uid)

    def grow(self, uid: UUID, size_bytes: int, *, in_use_by: UUID | None = None) -> None:
        with _translated("make the disk larger"):
            seen = self.get(uid)
            path = self._places.volume(uid)
            if seen is None:
                raise Missing("The disk is not there any more.", reason="DiskMissing")
            if path is None:
                raise Busy("The disk is still being made. Make it larger when it is finished.", reason="DiskBusy")
            wanted = -(-size_bytes // 512) * 512
            if wanted < seen.size_bytes:
                now = format_quantity(seen.size_bytes)
                raise Rejected(f"The disk has {now}, and disks can only become larger.", reason="DiskCannotShrink")
            if wanted == seen.size_bytes:
                return
            if in_use_by is not None:
                self._resize_live(in_use_by, uid, wanted)
            else:
                qemu_img.resize(path, wanted)

    def delete(self, uid: UUID) -> None:
        with _translated("delete the disk"):
            path = self._places.volume(uid)
            if path is not None:
                path.unlink(missing_ok=True)
            self.cancel(uid)
            if jobs.worker_of(self._places, uid):
                raise Busy("The import of the disk is being stopped.", reason="DiskBusy")
            self._places.remove_work(uid)
            jobs.remove(self._places, uid)


def _uid_of(file: Path) -> UUID | None:
    try:
        return UUID(file.stem)
    except ValueError:
        return None


def _finished(uid: UUID, path: Path) -> VolumeSeen:
    """Its size stands in the header, which QEMU rewrites in one piece when the disk grows."""
    with path.open("rb") as file:
        head = file.read(32)
        allocated = os.fstat(file.fileno()).st_blocks * 512
    if len(head) < 32 or not head.startswith(qcow2.MAGIC):
        words = "The file of this disk is damaged: it does not begin as one. Restore it from a backup."
        return VolumeSeen(uid, Phase.FAILED, allocated_bytes=allocated, message=words, reason="DiskDamaged")
    size = struct.unpack_from(">Q", head, 24)[0]
    return VolumeSeen(uid, Phase.SUCCEEDED, size_bytes=size, allocated_bytes=allocated, format="qcow2")


def _kind(job: JobFile) -> str:
    return "clone" if job.volume else "import"


def _phase(job: JobFile) -> Phase:
    return Phase.CLONING if job.volume else Phase.IMPORTING


def _refuse_nonsense(spec: VolumeSpec) -> None:
    match spec.source:
        case BlankSource() if spec.size_bytes <= 0:
            raise Rejected("An empty disk needs a size.", reason="SizeMissing")
        case FileSource(name, _) if _uid_of(Path(name)) is None or Path(name).name != name:
            raise Rejected("There is no such upload.", reason="SourceMissing")
        case VolumeSource() | HttpSource() | FileSource() | BlankSource():
            return


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Only the contract's faults leave."""
    try:
        yield
    except RuntimeFault:
        raise
    except qemu_img.LockHeld as error:
        raise Busy(f"Could not {doing}: a running machine holds it.", detail=str(error), reason="DiskInUse") from error
    except ImportFailed as failure:
        raise Rejected(failure.sentence, detail=failure.detail, reason=failure.reason) from failure
    except FileNotFoundError as error:
        raise Missing(f"Could not {doing}: it is not there.", detail=str(error), reason="DiskMissing") from error
    except OSError as error:
        fault = failed_by(error)
        raise Rejected(fault.sentence, detail=fault.detail, reason=fault.reason) from error
    except subprocess.SubprocessError as error:
        raise Unreachable(f"Could not {doing}: the host did not answer in time.", detail=str(error)) from error

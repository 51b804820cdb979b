"""Where volumes lie on the host: one file per uid, so that no name a person chose ever becomes a path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True, slots=True)
class VolumePlaces:
    """The folders of one state folder."""

    state: Path

    @property
    def disks(self) -> Path:
        return self.state / "disks"

    @property
    def images(self) -> Path:
        return self.state / "images"

    @property
    def jobs(self) -> Path:
        return self.state / "jobs"

    @property
    def uploads(self) -> Path:
        return self.state / "uploads"

    def job(self, uid: UUID) -> Path:
        return self.jobs / f"{uid}.json"

    def lock(self, uid: UUID) -> Path:
        return self.jobs / f"{uid}.lock"

    def target(self, uid: UUID, *, image: bool) -> Path:
        """Where the finished volume will lie."""
        return (self.images if image else self.disks) / f"{uid}.qcow2"

    def volume(self, uid: UUID) -> Path | None:
        """The finished volume, disk or image; None when there is none."""
        for image in (False, True):
            path = self.target(uid, image=image)
            if path.is_file() and not path.is_symlink():
                return path
        return None

    def work(self, uid: UUID, kind: str, *, image: bool) -> Path:
        """An unfinished file of `kind` beside the target, so that taking it in is one rename."""
        return self.target(uid, image=image).with_name(f"{uid}.{kind}")

    def remove_work(self, uid: UUID) -> None:
        """Everything unfinished of this volume."""
        for image in (False, True):
            for kind in ("download", "received", "unpacked", "partial"):
                self.work(uid, kind, image=image).unlink(missing_ok=True)

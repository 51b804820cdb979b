"""Where the driver's things lie on the host: named by uid, so that no name a person chose ever becomes a path."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from vmconsole.runtime.libvirt.volume_places import VolumePlaces


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one state folder."""

    state: Path

    def volume(self, uid: UUID) -> Path:
        """The file of a disk or an image of ours, also one that is not finished yet."""
        volumes = VolumePlaces(self.state)
        return volumes.volume(uid) or volumes.target(uid, image=False)

    def volume_of(self, path: str) -> UUID | None:
        """The uid of our volume that lies there; None for a file that is not ours."""
        file = Path(path)
        volumes = VolumePlaces(self.state)
        if file.parent not in (volumes.disks, volumes.images) or file.suffix != ".qcow2":
            return None
        try:
            return UUID(file.stem)
        except ValueError:
            return None

    def seed(self, uid: UUID) -> Path:
        return self.state / "seeds" / f"{uid}.iso"

    def vnc(self, uid: UUID) -> Path:
        return self.state / "console" / f"{uid}.vnc"

    def serial(self, uid: UUID) -> Path:
        return self.state / "console" / f"{uid}.serial"

    def serial_log(self, uid: UUID) -> Path:
        return self.state / "serial" / f"{uid}.log"

    def pid_files(self, domain: str) -> list[Path]:
        """Where a private libvirtd, or the host's, writes down the process of a domain. Its name has no slashes."""
        return [self.state / "libvirt/run/qemu" / f"{domain}.pid", Path("/run/libvirt/qemu") / f"{domain}.pid"]

    def accelerator(self) -> tuple[str, str]:
        """What the probe found: "kvm" or "tcg", and why. Without a verdict emulation, which always works."""
        try:
            verdict = json.loads((self.state / "run" / "accelerator.json").read_bytes())
        except (OSError, ValueError):
            return "tcg", "The host has not been probed yet."
        if not isinstance(verdict, dict):
            return "tcg", "The probe's verdict cannot be read."
        return "kvm" if verdict.get("accelerator") == "kvm" else "tcg", str(verdict.get("why", ""))

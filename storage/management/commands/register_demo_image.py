"""Puts the demo image into the catalogue, so that the first machine needs no download.

    manage.py register_demo_image PATH

Run at every start: the same image again changes nothing, a newer one takes the place of the old. The file is judged
like a stranger's, because a build that went wrong should be noticed here and not by the first machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from observability import audit
from storage.models import Image
from storage.services.asking import tell
from vmconsole.access.actors import Actor
from vmconsole.access.models import Namespace
from vmconsole.runtime import connect
from vmconsole.runtime.images import BadImage, ImageHeader, inspect
from vmconsole.runtime.types import Phase, VolumeSpec

NAMESPACE, NAME = "vm-system", "demo"
MARK = "vmconsole.dev/source-sha256"
ABOUT = {
    "title": "Demo Linux",
    "description": "A tiny Linux to try things out with. Sign in as demo with password demo, on the screen or the "
    "serial console. It has DHCP, a guest agent, and reads cloud-init's host name, users and SSH keys.",
    "os_type": "Linux",
    "public": True,
}


class Command(BaseCommand):
    help = "Register the demo image as a public image."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)

    def handle(self, *_args: Any, path: Path, **_options: Any) -> None:
        try:
            with path.open("rb") as file:
                header = inspect(file)
                digest = hashlib.file_digest(file, "sha256").hexdigest() if file.seek(0) == 0 else ""
        except (OSError, BadImage) as error:
            raise CommandError(f"{path} cannot be the demo image: {error}") from error
        if header.format != "qcow2":
            raise CommandError(f"{path} is {header.format}, and the demo image is a qcow2 file.")
        known = Image.objects.filter(namespace=NAMESPACE, name=NAME).first()
        if known and known.annotations.get(MARK) == digest and _file(known.uid).exists():
            self.stdout.write("The demo image is registered already.")
        else:
            known = register(path, header, digest, known)
            self.stdout.write(f"Registered {known}.")
        if settings.RUNTIME_KIND == "fake":  # it has no files: its image is a volume that was made
            spec = VolumeSpec(known.uid, NAMESPACE, NAME, header.virtual_bytes, image=True)
            connect.default().volumes.create(spec)


def register(path: Path, header: ImageHeader, digest: str, known: Image | None) -> Image:
    """The new file first, then the row that names it, then the old file: there is always an image to start from."""
    uid = uuid4()
    _copy(path, _file(uid))
    with transaction.atomic():
        Namespace.objects.get_or_create(name=NAMESPACE)
        if known:
            known.row().delete()
        image = Image.objects.create(
            uid=uid, namespace=NAMESPACE, name=NAME, annotations={MARK: digest}, observed_generation=1,
            spec_size_bytes=header.virtual_bytes, status_phase=Phase.SUCCEEDED, status_made_at=timezone.now(),
            status_as_of=timezone.now(), status_size_bytes=header.virtual_bytes,
            status_allocated_bytes=_file(uid).stat().st_blocks * 512, **ABOUT,
        )  # fmt: skip
        audit.record(
            Actor.system("setup"), "register", kind=image.KIND, uid=uid, name=NAME, namespace=NAMESPACE,
            phase=audit.Phase.SUCCEEDED, extra={"sha256": digest},
        )  # fmt: skip
        tell(image, "MODIFIED" if known else "ADDED")
    if known:
        _file(known.uid).unlink(missing_ok=True)
    return image


def _file(uid: UUID) -> Path:
    return Path(settings.IMAGES_DIR) / f"{uid}.qcow2"


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all, and readable by the group that QEMU is in."""
    partial = target.with_suffix(".partial")
    try:
        shutil.copyfile(source, partial)
        folder = target.parent.stat()
        if os.geteuid() == 0:
            os.chown(partial, folder.st_uid, folder.st_gid)
        partial.chmod(0o660)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CommandError(f"The image cannot be copied: {error}") from error

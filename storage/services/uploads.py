"""Files coming in part by part: begun, continued after any interruption, turned into a disk or an image, or dropped.

The row says what has arrived, and only what was written to disk counts. Who writes holds a lock on the file, so two
browsers sending the same part cannot mix.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from observability import audit, changes
from storage import sources
from storage.models import Image, Upload, UploadState, VirtualMachineDisk
from storage.rules import checksum_problem
from storage.services.asking import check_new, invalid, refuse_over_quota
from storage.services.disks import create_disk
from storage.services.images import create_image
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict, NotFound, Refused, TooLarge, Unprocessable
from vmconsole.access.models import User
from vmconsole.access.rights import Right, require

PART_BYTES = 8 << 20  # larger ones fill the web process's memory, smaller ones cost a request each
LARGEST = 1 << 40
KEEP_FREE = 256 << 20
KINDS = {VirtualMachineDisk.KIND: VirtualMachineDisk, Image.KIND: Image}
_DESCRIBING = {
    VirtualMachineDisk.KIND: {"size_bytes", "labels"},
    Image.KIND: {"title", "description", "os_type", "default_size_bytes"},
}


def path_of(upload: Upload) -> Path:
    return Path(settings.UPLOADS_DIR) / str(upload.uid)


@transaction.atomic
def begin_upload(
    user: User, actor: Actor, *, kind: str, namespace: str, name: str, size_bytes: int, checksum: str = "",
    target: dict[str, Any] | None = None,
) -> Upload:  # fmt: skip
    """A place for a file. The same person's same file goes on where it was; another's under that name is refused."""
    require(user, Right.EDIT, namespace)
    _check(kind, namespace, name, size_bytes, checksum, target or {})
    current = Upload.objects.filter(namespace=namespace, kind=kind, name=name, state=UploadState.OPEN).first()
    if current:
        if current.actor_user_id == user.pk and current.size_bytes == size_bytes and current.checksum == checksum:
            return current
        raise _under_way(current)
    _refuse_without_space(size_bytes)
    if kind == VirtualMachineDisk.KIND:  # and once more when all of it is there: others take something meanwhile
        refuse_over_quota(namespace, int((target or {}).get("size_bytes") or 0))
    try:
        with transaction.atomic():
            upload = Upload.objects.create(
                namespace=namespace, name=name, kind=kind, target=target or {}, size_bytes=size_bytes,
                checksum=checksum, actor_user_id=user.pk, actor_name=actor.name,
                expires_at=timezone.now() + Upload.KEEP,
            )  # fmt: skip
    except IntegrityError as error:
        raise Conflict(_("Somebody has just begun to upload %(name)s.") % {"name": name}, reason="Busy") from error
    _note(actor, upload, audit.Phase.STARTED, "ADDED")
    return upload


def _under_way(current: Upload) -> Conflict:
    sentence = _("%(who)s is uploading %(name)s already. Wait for it, or choose another name.")
    return Conflict(sentence % {"who": current.actor_name, "name": current.name}, reason="Busy", field="name")


def _check(kind: str, namespace: str, name: str, size_bytes: int, checksum: str, target: dict[str, Any]) -> None:
    model = KINDS.get(kind)
    if model is None or set(target) - _DESCRIBING[kind]:
        raise Unprocessable(_("An upload becomes a VirtualMachineDisk or an Image."), field="kind")
    check_new(namespace, name, int(target.get("size_bytes") or 0), size_needed=False)
    invalid(checksum_problem(checksum), "checksum")
    if size_bytes <= 0:
        raise Unprocessable(_("The file is empty. Choose another one."), field="size")
    if size_bytes > LARGEST:
        raise TooLarge(_("The file is larger than 1 TiB, which is the most that can be uploaded."), field="size")
    if model.objects.filter(namespace=namespace, name=name).exists():
        sentence = _("%(name)s exists in namespace %(namespace)s already. Choose another name.")
        values = {"name": name, "namespace": namespace}
        raise Conflict(sentence % values, reason="AlreadyExists", field="name")


def _refuse_without_space(size_bytes: int) -> None:
    """Refused before it has begun, counting what others have been promised."""
    disk = os.statvfs(settings.UPLOADS_DIR)
    under_way = Upload.objects.filter(state=UploadState.OPEN).values_list("size_bytes", "offset")
    promised = sum(size - offset for size, offset in under_way)
    if disk.f_bavail * disk.f_frsize - promised - KEEP_FREE < size_bytes:
        raise TooLarge(
            _("There is not enough space left on the host for this file."), reason="DiskFull", field="size",
            status=507, fix=_("Delete disks or images that nobody needs, or choose a smaller file."),
        )  # fmt: skip


def append_part(user: User, actor: Actor, upload: Upload, *, offset: int, data: bytes) -> Upload:
    """Take the next part. Conflict when it is not the next; the asker looks up the offset and goes on there."""
    _refuse_others(user, upload)
    if len(data) > PART_BYTES:
        raise TooLarge(_("One part is 8 MiB at most."))
    with _alone_with(upload) as descriptor:
        upload.refresh_from_db()
        if upload.state != UploadState.OPEN or upload.offset != offset:
            sentence = _("The upload is at byte %(offset)s. Go on from there.") % {"offset": upload.offset}
            raise Conflict(sentence, reason="WrongOffset")
        if offset + len(data) > upload.size_bytes:
            raise Unprocessable(_("More is being sent than was announced."), reason="TooLong")
        _write(descriptor, offset, data)
        with transaction.atomic():
            upload.offset = offset + len(data)
            upload.expires_at = timezone.now() + Upload.KEEP
            Upload.objects.filter(uid=upload.uid).update(offset=upload.offset, expires_at=upload.expires_at)
            if upload.offset == upload.size_bytes:
                _complete(user, actor, upload)
    return upload


def _refuse_others(user: User, upload: Upload) -> None:
    """Whoever began it goes on with it, as long as they may edit there."""
    require(user, Right.EDIT, upload.namespace)
    if upload.actor_user_id != user.pk:
        raise NotFound(_("There is no such upload."))


@contextmanager
def _alone_with(upload: Upload) -> Iterator[int]:
    new = os.O_CREAT if upload.offset == 0 else 0
    try:
        descriptor = os.open(path_of(upload), os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | new, 0o660)
    except FileNotFoundError as error:
        raise NotFound(_("This upload is over. Begin it again.")) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError as error:
        raise Refused(_("A part of this upload is just being written."), "Busy", status=423) from error
    finally:
        os.close(descriptor)


def _write(descriptor: int, offset: int, data: bytes) -> None:
    """On the disk before it counts: a part that the row knows and the disk lost would be a hole in the image."""
    view = memoryview(data)
    try:
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
        os.fdatasync(descriptor)
    except OSError as error:
        raise Refused(_("There is not enough space left on the host to go on."), "DiskFull", status=507) from error


def _complete(user: User, actor: Actor, upload: Upload) -> None:
    """All of it is there: make the disk or image. When that is refused, the last part counts as not sent."""
    source = sources.upload_source(upload.uid, upload.checksum)
    if upload.kind == Image.KIND:
        create_image(user, actor, upload.namespace, upload.name, source=source, **upload.target)
    else:
        target = {"size_bytes": 0, **upload.target}
        create_disk(user, actor, upload.namespace, upload.name, source=source, **target)
    Upload.objects.filter(uid=upload.uid).update(state=UploadState.DONE)
    upload.state = UploadState.DONE
    _note(actor, upload, audit.Phase.SUCCEEDED, "MODIFIED")


@transaction.atomic
def abandon_upload(user: User, actor: Actor, upload: Upload) -> None:
    """Drop it with all that has arrived."""
    _refuse_others(user, upload)
    if upload.state != UploadState.OPEN:
        raise Conflict(_("This upload is complete already."), reason="NotNow")
    drop(actor, upload, _("Cancelled."))


def drop(actor: Actor, upload: Upload, why: str) -> None:
    """Forget an upload and its file. A finished one's file belongs to the import by now."""
    if upload.state == UploadState.OPEN:
        _note(actor, upload, audit.Phase.FAILED, "DELETED", why)
        path_of(upload).unlink(missing_ok=True)
    Upload.objects.filter(uid=upload.uid).delete()


def _note(actor: Actor, upload: Upload, phase: audit.Phase, what: Any, reason: str = "") -> None:
    audit.record(
        actor, "upload", kind="Upload", uid=upload.uid, name=upload.name, namespace=upload.namespace, phase=phase,
        reason=reason, extra={"becomes": upload.kind, "bytes": upload.size_bytes, "received": upload.offset},
    )  # fmt: skip
    changes.changed("Upload", upload.uid, upload.name, upload.namespace, what)

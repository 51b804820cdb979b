"""The loop over disks and images: look, decide one step, take it, record. And over uploads that nobody goes on with.

A reconciler takes no news but the uid and may run at any time, twice. It returns the seconds until it wants to be
called again, or None when all is as wished.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import assert_never
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from observability import changes, events
from storage import sources
from storage.models import Attachment, Image, Upload, UploadState, VirtualMachineDisk, Volume
from storage.plan import (
    Cancel,
    Cancelled,
    Create,
    Delete,
    Fail,
    Forget,
    Grow,
    Rest,
    Settled,
    Step,
    Vanished,
    Watch,
    next_step,
)
from storage.services.asking import tell
from storage.services.uploads import drop
from vmconsole.access import secrets
from vmconsole.access.actors import Actor
from vmconsole.operations import loop
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation
from vmconsole.runtime import connect
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.errors import RuntimeFault
from vmconsole.runtime.types import Phase, Power, VolumeSeen, VolumeSpec

AT_ONCE = 0.0
SOON = 1.0  # how often the bar of an import moves
YOUNG, EARLY = timedelta(seconds=3), 0.2  # a copy of a small image is done before its bar would move
WAITING = 5.0
# How old the look at a finished disk may be: what it takes on the host changes while machines write.
LOOK_AGAIN = timedelta(minutes=5)
LOOKS_AT_ONCE = 200


def unsettled_disks() -> Iterable[UUID]:
    return _unsettled(VirtualMachineDisk)


def unsettled_images() -> Iterable[UUID]:
    return _unsettled(Image)


def _unsettled(model: type[Volume]) -> Iterable[UUID]:
    rows = model.objects
    asked = Q(deletion_requested_at__isnull=False) | Q(observed_generation__lt=F("generation"))
    making = ~Q(status_phase__in=[Phase.SUCCEEDED, Phase.FAILED])
    yield from rows.filter(asked | making).values_list("uid", flat=True)
    old = rows.filter(status_phase=Phase.SUCCEEDED, status_as_of__lt=timezone.now() - LOOK_AGAIN)
    yield from old.order_by("status_as_of").values_list("uid", flat=True)[:LOOKS_AT_ONCE]


def reconcile_disk(uid: UUID) -> float | None:
    return _reconcile(VirtualMachineDisk, uid)


def reconcile_image(uid: UUID) -> float | None:
    return _reconcile(Image, uid)


def _reconcile(model: type[Volume], uid: UUID) -> float | None:
    # The request first: a round must not close one that was opened after it has read the wish.
    operation = operations.open_of(uid)
    volume = model.objects.filter(uid=uid).first()
    if volume is None:
        if operation:
            operations.fail(operation, _("It is not there any more."), reason="NotFound")
        return None
    if isinstance(volume, VirtualMachineDisk) and volume.location:
        return _adopted(volume, operation)
    held = holders_of(volume) if volume.deletion_requested_at else ""
    if held:
        if operation:
            operations.progress(operation, None, _("It goes when %(machines)s lets go of it.") % {"machines": held})
        return WAITING
    step: Step = Rest()
    try:
        runtime = connect.default()
        seen = runtime.volumes.get(uid)
        step = next_step(volume.wish(cancelling=bool(operation and operation.cancel_requested)), seen)
        return _take(step, volume, seen, operation, runtime)
    except RuntimeFault as fault:
        return _fault(step, volume, operation, fault)


def holders_of(volume: Volume) -> str:
    """The machines that have it, by name."""
    names = Attachment.objects.filter(disk_id=volume.uid).order_by("machine_name")
    return ", ".join(names.values_list("machine_name", flat=True)[:5])


def _adopted(disk: VirtualMachineDisk, operation: Operation | None) -> float | None:
    """Its file belongs to whoever made it: deleting forgets the row only."""
    if disk.deletion_requested_at:
        return _forget(disk, operation)
    disk.record(status_phase=Phase.SUCCEEDED)
    return None


def _take(
    step: Step, volume: Volume, seen: VolumeSeen | None, operation: Operation | None, runtime: RuntimeConnection
) -> float | None:
    match step:
        case Create():
            return _create(volume, operation, runtime)
        case Watch():
            return _watch(volume, seen, operation)
        case Cancel():
            runtime.volumes.cancel(volume.uid)
            return SOON
        case Delete():
            runtime.volumes.delete(volume.uid)
            return AT_ONCE
        case Cancelled() | Forget():
            return _forget(volume, operation)
        case Grow(size_bytes):
            runtime.volumes.grow(volume.uid, size_bytes, in_use_by=_running_writer(volume, runtime))
            return AT_ONCE
        case Fail(reason, message):
            return _failed(volume, operation, reason, message)
        case Vanished():
            return _failed(volume, operation, "DiskMissing", _("Its file is not on the host any more."))
        case Settled():
            return _settled(volume, seen, operation)
        case Rest():
            return None
        case _:
            assert_never(step)


def _create(volume: Volume, operation: Operation | None, runtime: RuntimeConnection) -> float | None:
    try:
        source = sources.for_runtime(volume.namespace, volume.spec_source)
    except sources.SourceGone as waiting:
        return _wait(volume, operation, str(waiting))
    image = isinstance(volume, Image)
    size = volume.spec_size_bytes
    runtime.volumes.create(VolumeSpec(volume.uid, volume.namespace, volume.name, size, source, image=image))
    _observed(volume)
    return AT_ONCE


def _observed(volume: Volume) -> None:
    """This generation was acted on. A newer wish, written meanwhile, stays to be done."""
    rows = volume.row(generation__gte=volume.generation)
    rows.update(observed_generation=volume.generation)
    volume.observed_generation = volume.generation


def _wait(volume: Volume, operation: Operation | None, why: str) -> float | None:
    if operation is None or operation.deadline_at < timezone.now():
        return _failed(volume, operation, "SourceMissing", why)
    with transaction.atomic():
        if volume.record(status_phase=Phase.PENDING, status_message=why, status_reason="WaitingForSource"):
            tell(volume)
        operations.progress(operation, None, why)
    return WAITING


def _watch(volume: Volume, seen: VolumeSeen | None, operation: Operation | None) -> float:
    assert seen is not None
    percent, message = (seen.job.percent, seen.job.message) if seen.job else (None, seen.message)
    with transaction.atomic():
        if volume.record(status_phase=seen.phase, status_percent=percent, status_message=message, status_reason=""):
            tell(volume)
        if operation:
            operations.progress(operation, percent, message)
    young = operation is not None and timezone.now() - operation.created_at < YOUNG
    return EARLY if young else SOON


def _running_writer(volume: Volume, runtime: RuntimeConnection) -> UUID | None:
    """The machine that has the disk open for writing now."""
    held = Attachment.objects.filter(disk_id=volume.uid, read_only=False).first()
    if held is None:
        return None
    machine = runtime.machines.get(held.machine_uid)
    return held.machine_uid if machine and machine.power not in (Power.OFF, Power.CRASHED) else None


@transaction.atomic
def _settled(volume: Volume, seen: VolumeSeen | None, operation: Operation | None) -> None:
    assert seen is not None
    first = volume.status_made_at is None
    made_at = timezone.now() if first else volume.status_made_at
    noticed = volume.record(
        status_phase=Phase.SUCCEEDED, status_percent=None, status_size_bytes=seen.size_bytes,
        status_allocated_bytes=seen.allocated_bytes, status_message="", status_reason="", status_made_at=made_at,
    )  # fmt: skip
    if volume.spec_size_bytes < seen.size_bytes:  # “as large as its source”, or grown outside of this console
        rows = volume.row(generation=volume.generation)
        rows.update(spec_size_bytes=seen.size_bytes)
    _observed(volume)
    if operation:
        operations.finish(operation)
    if first:
        _event(volume, "Ready", _("It is ready."))
    if noticed or first:
        tell(volume)
    if first:
        _ring_who_waits(volume)


def _ring_who_waits(volume: Volume) -> None:
    """Machines that hold the disk wait for it: they go on now, and not when they look again."""
    for machine_uid in Attachment.objects.filter(disk_id=volume.uid).values_list("machine_uid", flat=True):
        loop.enqueue("VirtualMachine", machine_uid)


@transaction.atomic
def _failed(volume: Volume, operation: Operation | None, reason: str, message: str, *, detail: str = "") -> None:
    _observed(volume)
    _drop_upload(volume)
    if volume.record(
        status_phase=Phase.FAILED, status_percent=None, status_message=message, status_reason=reason
    ):  # fmt: skip
        _event(volume, reason, message, level="Warning")
        tell(volume)
        _ring_who_waits(volume)
    if operation:
        operations.fail(operation, message, reason=reason, detail=detail)


def _drop_upload(volume: Volume) -> None:
    """The uploaded file, if an import that failed early or never began has left it."""
    upload = volume.spec_source.get("upload")
    if upload:
        (Path(settings.UPLOADS_DIR) / str(UUID(upload["uid"]))).unlink(missing_ok=True)


@transaction.atomic
def _forget(volume: Volume, operation: Operation | None) -> None:
    """Gone from the runtime: so is the row, its secrets, and the upload it was to be made from.

    Somebody's finalizer keeps the row until they take it away.
    """
    _drop_upload(volume)
    if volume.row().exclude(finalizers=[]).exists():
        return
    secrets.discard(volume.uid)
    uid = volume.uid
    volume.delete()
    volume.uid = uid
    changes.changed(volume.KIND, uid, volume.name, volume.namespace, "DELETED", changes.seen_of(volume))
    if operation is None:
        return
    if operation.cancel_requested:
        operations.cancelled(operation)
    else:
        operations.finish(operation)


def _fault(step: Step, volume: Volume, operation: Operation | None, fault: RuntimeFault) -> float | None:
    """What trying again can help is tried again until the operation's deadline; all else ends it."""
    overdue = operation is not None and operation.deadline_at < timezone.now()
    if fault.retry_in is not None and not overdue:
        if operation:
            operations.progress(operation, operation.percent, fault.public)
        return max(fault.retry_in, SOON)
    reason = fault.reason or type(fault).__name__
    if isinstance(step, Create):
        return _failed(volume, operation, reason, fault.public, detail=fault.detail)
    with transaction.atomic():
        _withdraw(step, volume)
        _event(volume, reason, fault.public, level="Warning")
        if operation:
            operations.fail(operation, fault.public, reason=reason, detail=fault.detail)
    return None


def _withdraw(step: Step, volume: Volume) -> None:
    """A wish lives as long as its operation: what failed must not come true at three in the morning."""
    rows = volume.row(generation=volume.generation)
    if isinstance(step, Grow):
        rows.update(spec_size_bytes=volume.status_size_bytes)
    elif isinstance(step, Delete):
        rows.update(deletion_requested_at=None)
    _observed(volume)
    tell(volume)


def _event(volume: Volume, reason: str, message: str, level: str = "Normal") -> None:
    events.record(volume.KIND, volume.uid, volume.name, volume.namespace, reason, message, level=level)


def expired_uploads() -> Iterable[UUID]:
    return Upload.objects.filter(expires_at__lt=timezone.now()).values_list("uid", flat=True)


@transaction.atomic
def reconcile_upload(uid: UUID) -> None:
    """Drop an upload that nobody has gone on with for a day, with what had arrived."""
    upload = Upload.objects.filter(uid=uid, expires_at__lt=timezone.now()).first()
    if upload is None:
        return
    words = _("It was not continued within a day.") if upload.state == UploadState.OPEN else ""
    drop(Actor.system("reconcile"), upload, words)

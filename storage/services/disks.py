"""Make, grow, repeat, cancel and delete disks."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from observability import subjects
from storage import sources
from storage.models import VirtualMachineDisk, Volume
from storage.rules import Verb, grow_problem, why_not
from storage.services.asking import (
    MAKING_DEADLINE,
    begin,
    check_new,
    insert,
    invalid,
    refuse,
    refuse_over_quota,
    refuse_unless_allowed,
    subject,
    tell,
)
from vmconsole.access import secrets
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict, Unprocessable
from vmconsole.access.models import User
from vmconsole.access.rights import Right, require
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation
from vmconsole.runtime.quantities import format_quantity
from vmconsole.runtime.types import Phase


@transaction.atomic
def create_disk(
    user: User,
    actor: Actor,
    namespace: str,
    name: str,
    *,
    size_bytes: int,
    source: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    storage_class: str = "",
    rest: dict[str, Any] | None = None,
    credentials: tuple[str, str] | None = None,
    idempotency_key: str = "",
    **held: list[Any],
) -> VirtualMachineDisk:
    """Write down a disk. `size_bytes` 0: as large as its source. `credentials` for http go into a Secret of its own.

    `held` are its finalizers and owners.
    """
    require(user, Right.EDIT, namespace)
    kept = sources.checked(source or {})
    check_new(namespace, name, size_bytes, size_needed=not kept)
    sources.refuse_missing(namespace, kept, user)
    least = sources.least_size(namespace, kept)
    if size_bytes and size_bytes < least:
        sentence = _(
            "The source holds %(least)s, which does not fit on a disk of %(size)s. Ask for at least %(least)s."
        )
        values = {"least": format_quantity(least), "size": format_quantity(size_bytes)}
        raise Unprocessable(sentence % values, field="size", reason="DiskTooSmall")
    refuse_over_quota(namespace, max(size_bytes, least))
    disk = VirtualMachineDisk(
        namespace=namespace, name=name, labels=labels or {}, annotations=annotations or {},
        spec_size_bytes=size_bytes, spec_source=kept, spec_storage_class=storage_class, spec_rest=rest or {},
        **held,
    )  # fmt: skip
    keep_credentials(disk, credentials)
    insert(disk)
    shown = {"size": [None, format_quantity(size_bytes)], "source": [None, audited(kept)]}
    begin(
        actor, Verb.CREATE, disk, can_cancel=True, deadline=MAKING_DEADLINE, diff=shown,
        idempotency_key=idempotency_key,
    )  # fmt: skip
    tell(disk, "ADDED")
    return disk


def keep_credentials(volume: Volume, credentials: tuple[str, str] | None) -> None:
    """User name and password for http go into a Secret that goes with the disk; the row names it only."""
    if not credentials or "http" not in volume.spec_source:
        return
    name = f"{volume.KIND.lower()}-{volume.name}-http"
    pair = {"accessKeyId": credentials[0], "secretKey": credentials[1]}
    secrets.put(volume.namespace, name, pair, owner_uid=volume.uid)
    volume.spec_source = {"http": {**volume.spec_source["http"], "secretRef": name}}


def audited(source: dict[str, Any]) -> dict[str, Any]:
    """The source without what people sign addresses and requests with."""
    http = source.get("http")
    if not http:
        return source
    return {"http": {"url": str(http["url"]).split("?", 1)[0], "checksum": http.get("checksum", "")}}


@transaction.atomic
def grow_disk(user: User, actor: Actor, disk: VirtualMachineDisk, size_bytes: int) -> Operation:
    """Make it larger, also under a running machine. The file systems inside are the guest's to grow."""
    require(user, Right.EDIT, disk.namespace)
    refuse_unless_allowed(Verb.GROW, disk)
    invalid(grow_problem(size_bytes, disk.size_bytes), "size")
    if size_bytes > disk.size_bytes:
        refuse_over_quota(disk.namespace, size_bytes - disk.size_bytes)
    shown = {"size": [format_quantity(disk.size_bytes), format_quantity(size_bytes)]}
    operation = begin(actor, Verb.GROW, disk, diff=shown)
    wish(disk, spec_size_bytes=size_bytes)
    return operation


@transaction.atomic
def retry(user: User, actor: Actor, volume: Volume) -> Operation:
    """Make it again after it failed."""
    require(user, Right.EDIT, volume.namespace)
    refuse_unless_allowed(Verb.RETRY, volume)
    operation = begin(actor, Verb.RETRY, volume, can_cancel=True, deadline=MAKING_DEADLINE)
    wish(volume, status_phase=Phase.PENDING, status_message="", status_reason="")
    return operation


@transaction.atomic
def cancel(user: User, actor: Actor, volume: Volume) -> None:
    """Stop making it. What was never finished disappears."""
    require(user, Right.EDIT, volume.namespace)
    operation = operations.open_of(volume.uid)
    if operation is None:
        raise Conflict(_("Nothing is being done to %(name)s.") % {"name": volume.name}, reason="NotNow")
    operations.request_cancel(operation, actor)


@transaction.atomic
def delete_disk(user: User, actor: Actor, disk: VirtualMachineDisk, *, when_free: bool = False) -> Operation:
    """Delete the disk and its data. Refused while a machine has it, naming the machine; or done `when_free`."""
    require(user, Right.EDIT, disk.namespace)
    return request_deletion(actor, disk, when_free=when_free)


@transaction.atomic
def delete_disk_with_machine(actor: Actor, disk: VirtualMachineDisk) -> Operation:
    """Delete a disk that was declared to go with its machine; whoever deleted the machine had the right."""
    return request_deletion(actor, disk)


def request_deletion(actor: Actor, volume: Volume, *, when_free: bool = False) -> Operation:
    problem = why_not(Verb.DELETE, subject(volume))
    waits = when_free and problem and problem.reason == "InUse" and not kept_in_the_trash(volume)
    if not waits:
        refuse(problem, volume)
    current = operations.open_of(volume.uid)
    if current:
        operations.cancelled(current, _("It was deleted before this came to its end."))
    operation = begin(actor, Verb.DELETE, volume)
    wish(volume, deletion_requested_at=timezone.now())
    return operation


def kept_in_the_trash(volume: Volume) -> bool:
    """Whether a machine that can still be had back has it: a wish that waits for that one would take it from it."""
    uids = [held.machine_uid for held in volume.attachments.all()] if isinstance(volume, VirtualMachineDisk) else []
    return bool(subjects.trashed(uids))


def wish(volume: Volume, **what: Any) -> None:
    """Write down what was asked. Numbered, so that nothing older wins."""
    volume.row().update(generation=F("generation") + 1, **what)
    volume.refresh_from_db()
    tell(volume)


@transaction.atomic
def register_location(namespace: str, name: str, location: str, location_format: str) -> VirtualMachineDisk:
    """The disk that stands for a file made outside, found again by its path. Its file is never touched by us."""
    known = VirtualMachineDisk.objects.filter(namespace=namespace, location=location).first()
    if known:
        return known
    fitting = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name.lower()).strip("-")
    free = (fitting or "disk")[:54].rstrip("-")
    if VirtualMachineDisk.objects.filter(namespace=namespace, name=free).exists():
        free = f"{free}-{uuid4().hex[:6]}"
    disk = insert(
        VirtualMachineDisk(
            namespace=namespace, name=free, location=location, location_format=location_format,
            status_phase=Phase.SUCCEEDED, status_made_at=timezone.now(), observed_generation=1,
        )
    )  # fmt: skip
    tell(disk, "ADDED")
    return disk

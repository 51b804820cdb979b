"""What every request for a disk or image has in common: rules, names, the outbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from observability import changes, subjects
from storage import sources
from storage.models import Attachment, Image, VirtualMachineDisk, Volume
from storage.rules import Holder, Problem, Subject, Verb, name_problem, size_problem, why_not
from vmconsole.access import quota
from vmconsole.access.errors import Conflict, Unprocessable
from vmconsole.access.models import Namespace
from vmconsole.access.rules import Counted
from vmconsole.operations import loop
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation

V = TypeVar("V", bound=Volume)
# What a watcher must not miss, and what it selects by.
TOLD = (
    "resource_version", "labels", "status_phase", "status_percent", "status_size_bytes", "status_reason",
    "status_message", "deletion_requested_at",
)  # fmt: skip

# A slow mirror and a large image take a day; people see the progress and can cancel it.
MAKING_DEADLINE = timedelta(days=1)


def subject(volume: Volume, busy: str | None = None) -> Subject:
    """The rules' view. `busy` and prefetched attachments may be given where many are asked about at once."""
    if busy is None:
        current = operations.open_of(volume.uid)
        busy = current.verb if current else ""
    holders: tuple[Holder, ...] = ()
    if isinstance(volume, VirtualMachineDisk):
        holders = tuple(holder(held) for held in volume.attachments.all())
    return Subject(
        phase=volume.status_phase,
        busy=busy,
        deleting=volume.deletion_requested_at is not None,
        adopted=bool(isinstance(volume, VirtualMachineDisk) and volume.location),
        uploaded=volume.source_kind == "upload",
        holders=holders,
    )


def holder(held: Attachment) -> Holder:
    """Who uses it, as a sentence names them: one in the trash is in no list where people would look."""
    return Holder(subjects.called(held.machine_uid, held.machine_name), held.read_only)


def sentence(problem: Problem) -> str:
    return _(problem.sentence) % dict(problem.values)


def refuse_unless_allowed(verb: Verb, volume: Volume) -> None:
    refuse(why_not(verb, subject(volume)), volume)


def refuse(problem: Problem | None, volume: Volume) -> None:
    if problem:
        said = _("%(name)s: %(why)s") % {"name": volume.name, "why": sentence(problem)}
        raise Conflict(said, reason=problem.reason)


def invalid(problem: Problem | None, field: str) -> None:
    if problem:
        raise Unprocessable(sentence(problem), reason=problem.reason, field=field)


def check_new(namespace: str, name: str, size_bytes: int, *, size_needed: bool) -> None:
    """What must hold before anything of that name is made."""
    invalid(name_problem(name), "name")
    if size_bytes or size_needed:
        invalid(size_problem(size_bytes), "size")
    if not Namespace.objects.filter(name=namespace).exists():
        raise Unprocessable(_("There is no namespace %(name)s.") % {"name": namespace[:63]}, field="namespace")


def bytes_of(namespace: str, size_bytes: int, source: dict[str, Any]) -> int:
    """How large a disk will be that is asked for so; 0 while nobody can know."""
    return max(size_bytes, sources.least_size(namespace, sources.checked(source)))


def refuse_over_quota(namespace: str, size_bytes: int) -> None:
    """Whether the namespace may have so many bytes of disks more. 0 is of an unknown size: any number of them would
    fit.
    """
    if not size_bytes and Counted.STORAGE in quota.limits_of(namespace):
        sentence = _("Namespace %(namespace)s has a quota for disk space, and nobody knows yet how large this disk is.")
        fix = _("Write its size.")
        raise Unprocessable(sentence % {"namespace": namespace}, field="size", reason="SizeNeeded", fix=fix)
    quota.refuse_over(namespace, {Counted.STORAGE: size_bytes}, {Counted.STORAGE: "size"})


def insert(volume: V) -> V:
    """Write the row, or say that the name is taken."""
    try:
        with transaction.atomic():
            volume.save(force_insert=True)
    except IntegrityError as error:
        there_is = {
            VirtualMachineDisk: _("There is a disk %(name)s in namespace %(namespace)s already."),
            Image: _("There is an image %(name)s in namespace %(namespace)s already."),
        }[type(volume)]
        values = {"name": volume.name, "namespace": volume.namespace}
        raise Conflict(there_is % values, reason="AlreadyExists", field="name") from error
    return volume


def begin(actor: Any, verb: Verb, volume: Volume, *, can_cancel: bool = False, **more: Any) -> Operation:
    """Open the operation and ring for the loop."""
    operation = operations.begin(
        actor, verb.value, kind=volume.KIND, uid=volume.uid, name=volume.name, namespace=volume.namespace,
        can_cancel=can_cancel, **more,
    )  # fmt: skip
    loop.enqueue(volume.KIND, volume.uid)
    return operation


def tell(volume: Volume, what: Any = "MODIFIED") -> None:
    """Put the change in the outbox; its number is the row's resource version."""
    seen = changes.seen_of(volume, TOLD)
    version = changes.changed(volume.KIND, volume.uid, volume.name, volume.namespace, what, seen)
    volume.row().update(resource_version=version)

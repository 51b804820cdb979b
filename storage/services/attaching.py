"""Who holds which disk. Called for machines, which check the person's rights; the one-writer rule is kept here."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from storage.models import Attachment, VirtualMachineDisk
from storage.rules import Subject, attach_problem
from storage.services.asking import holder, refuse, tell
from vmconsole.access.errors import Conflict
from vmconsole.operations import loop


@transaction.atomic
def attach(disk: VirtualMachineDisk, *, machine_uid: UUID, machine_name: str, read_only: bool) -> Attachment:
    """Let a machine hold the disk, or Conflict naming who holds it. Already so: nothing happens."""
    others = Attachment.objects.filter(disk=disk).exclude(machine_uid=machine_uid)
    holders = tuple(holder(other) for other in others)
    deleting = disk.deletion_requested_at is not None
    refuse(attach_problem(Subject(deleting=deleting, holders=holders), read_only=read_only), disk)
    try:
        with transaction.atomic():
            attachment, made = Attachment.objects.update_or_create(
                disk=disk, machine_uid=machine_uid, defaults={"machine_name": machine_name, "read_only": read_only}
            )
    except IntegrityError as error:  # somebody attached it between our look and our write
        sentence = _("%(name)s: another machine has just attached it.")
        raise Conflict(sentence % {"name": disk.name}, reason="InUse") from error
    if made:
        tell(disk)
    return attachment


@transaction.atomic
def detach(disk: VirtualMachineDisk, *, machine_uid: UUID) -> None:
    """Let go of it. Not held: nothing happens."""
    gone, _rows = Attachment.objects.filter(disk=disk, machine_uid=machine_uid).delete()
    if gone:
        tell(disk)
        if disk.deletion_requested_at:  # somebody waits for just this
            loop.enqueue(disk.KIND, disk.uid)

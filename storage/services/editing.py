"""Change what may change of a disk: its size, upwards, and what is written on its label."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from observability import audit
from storage.models import VirtualMachineDisk
from storage.services.asking import tell
from storage.services.disks import grow_disk
from vmconsole import objectmeta
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Unprocessable
from vmconsole.access.models import User
from vmconsole.access.rights import Right, require
from vmconsole.operations import loop

LABELS = ("labels", "annotations", "finalizers", "owner_references")


@transaction.atomic
def edit_disk(user: User, actor: Actor, disk: VirtualMachineDisk, wanted: dict[str, Any]) -> VirtualMachineDisk:
    """Write down a changed manifest (`manifests.wanted`). Nothing changed: nothing is written."""
    require(user, Right.EDIT, disk.namespace)
    _refuse_fixed(disk, wanted)
    diff = objectmeta.differing(disk, {name: wanted[name] for name in LABELS if name in wanted})
    if diff:
        disk.row().update(**{name: pair[1] for name, pair in diff.items()}, generation=F("generation") + 1)
        disk.row(observed_generation=disk.generation).update(observed_generation=disk.generation + 1)
        disk.refresh_from_db()
        audit.record(
            actor, "edit", kind=disk.KIND, uid=disk.uid, name=disk.name, namespace=disk.namespace,
            phase=audit.Phase.SUCCEEDED, diff=diff,
        )  # fmt: skip
        tell(disk)
        if disk.deletion_requested_at and not disk.finalizers:
            loop.enqueue(disk.KIND, disk.uid)
    size = wanted["size_bytes"]
    if size and size != disk.spec_size_bytes:
        grow_disk(user, actor, disk, size)
        if wanted["rest"] != disk.spec_rest:
            disk.row().update(spec_rest=wanted["rest"])
    disk.refresh_from_db()
    return disk


def _refuse_fixed(disk: VirtualMachineDisk, wanted: dict[str, Any]) -> None:
    """What a disk was made from and where it lies are decided once."""
    fixed = {
        "spec.source": ("source", disk.spec_source),
        "spec.storageClassName": ("storage_class", disk.spec_storage_class),
    }
    for field, (name, now) in fixed.items():
        if wanted[name] != now:
            raise Unprocessable(_("It cannot change once the disk is made. Make a new disk."), field=field)

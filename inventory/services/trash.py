"""Deleting as people mean it: into the trash, back out of it, and gone for good.

A machine in the trash keeps all that is its own (name, disks, MACs, addresses, start-up data), so that restoring it
cannot fail for want of them. It is off, no list shows it, and the loop leaves it alone. Kubernetes' DELETE does not
come by here: its clients mean gone (docs/decisions/0006-the-trash.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from inventory.models import VirtualMachine
from inventory.rules import Verb
from inventory.services.asking import KIND, TRASH, require_on, tell
from inventory.services.deleting import delete, fate_of_disks, replace_open
from observability import changes
from vmconsole.access.actors import Actor
from vmconsole.access.models import User
from vmconsole.operations import loop
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation
from vmconsole.runtime.types import Power

EMPTY = {"trashed_at": None, "trashed_by": "", "purge_at": None}
AT_ONCE = 20  # purges in one round of housekeeping; the next round is a minute later


@transaction.atomic
def discard(user: User, actor: Actor, vm: VirtualMachine, *, delete_disks: Sequence[str] | None = None) -> Operation:
    """Delete it: into the trash, or at once where there is none. `delete_disks`, as in `delete`, go when it goes."""
    if settings.TRASH_DAYS <= 0:
        return delete(user, actor, vm, delete_disks=delete_disks)
    require_on(user, vm)
    vm = VirtualMachine.objects.get(uid=vm.uid)
    replace_open(Verb.TRASH, vm)
    own, doomed = fate_of_disks(vm, delete_disks)
    now = timezone.now()
    until = now + timedelta(days=settings.TRASH_DAYS)
    operation = _begin(
        actor, Verb.TRASH, vm, can_cancel=True, data={"power_before": vm.spec_power},
        deadline=operations.DEADLINE + timedelta(seconds=vm.spec_grace_seconds),
        diff={"trash": [None, until.isoformat()], "disks": [sorted(own), sorted(own - set(doomed))]},
    )  # fmt: skip
    tell(vm, "DELETED")
    _write(
        vm, trashed_at=now, trashed_by=actor.name, purge_at=until, delete_disks=doomed, spec_power=Power.OFF,
        status_fault="",
    )  # fmt: skip
    tell(vm, "ADDED")
    return operation


@transaction.atomic
def restore(user: User, actor: Actor, vm: VirtualMachine) -> Operation:
    """Take it out again, stopped. A declaration that it runs is withdrawn: nothing starts by being restored."""
    require_on(user, vm)
    vm = VirtualMachine.objects.get(uid=vm.uid)
    replace_open(Verb.RESTORE, vm)
    starts = vm.spec_running_state == "Running"
    diff = {"trash": [vm.purge_at.isoformat() if vm.purge_at else None, None]}
    diff |= {"spec.runningState": ["Running", ""]} if starts else {}
    operation = _begin(actor, Verb.RESTORE, vm, diff=diff)
    _leave(vm, spec_power=Power.OFF, delete_disks=[])
    if starts:
        vm.wish(spec_running_state="")
    tell(vm)
    return operation


@transaction.atomic
def purge(user: User, actor: Actor, vm: VirtualMachine) -> Operation:
    """Delete for good what is in the trash."""
    require_on(user, vm)
    return _purge(actor, vm)


def _purge(actor: Actor, vm: VirtualMachine) -> Operation:
    """From here on it is a deletion like any other: to be seen, and waiting for finalizers."""
    vm = VirtualMachine.objects.get(uid=vm.uid)
    replace_open(Verb.PURGE, vm)
    own = set(vm.disks.values_list("disk_name", flat=True))
    kept = sorted(own - set(vm.delete_disks))
    operation = _begin(actor, Verb.PURGE, vm, data={"disks": vm.delete_disks}, diff={"disks": [sorted(own), kept]})
    _leave(vm, deletion_requested_at=timezone.now())
    return operation


def purge_due() -> int:
    """Delete for good whose days are over. For the controller; an open operation goes first."""
    due = VirtualMachine.objects.trashed().filter(purge_at__lte=timezone.now()).order_by("purge_at")
    gone = 0
    for vm in due[:AT_ONCE]:
        with transaction.atomic():
            still = (
                VirtualMachine.objects.select_for_update().trashed().filter(uid=vm.uid, purge_at=vm.purge_at).first()
            )
            if still and not operations.open_of(vm.uid):
                _purge(Actor.system("trash"), still)
                gone += 1
    return gone


def take_out(vm: VirtualMachine, power_before: str) -> None:
    """It could not be stopped, or whoever threw it away thought better of it: where it was, and as it is."""
    seen = Power.OFF if vm.is_off else Power(vm.status_power)
    power = Power(power_before) if vm.declared and power_before else seen
    _leave(vm, spec_power=power, delete_disks=[])


def _begin(actor: Actor, verb: Verb, vm: VirtualMachine, **more: Any) -> Operation:
    operation = operations.begin(actor, verb, kind=KIND, uid=vm.uid, name=vm.name, namespace=vm.namespace, **more)
    loop.enqueue(KIND, vm.uid)
    return operation


def _leave(vm: VirtualMachine, **columns: Any) -> None:
    """Out of the trash: gone from there for who looks at it, and come for who watches machines."""
    if vm.trashed_at:
        changes.changed(TRASH, vm.uid, vm.name, vm.namespace, "DELETED")
    _write(vm, **EMPTY, **columns)
    tell(vm, "ADDED")


def _write(vm: VirtualMachine, **columns: Any) -> None:
    VirtualMachine.objects.filter(uid=vm.uid).update(**columns)
    vm.refresh_from_db()

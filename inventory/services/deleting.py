"""Delete: the end of a machine, and what of its disks goes with it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.models import VirtualMachine
from inventory.rules import Verb
from inventory.services.asking import KIND, refuse_unless_allowed, require_on, tell
from vmconsole.access.actors import Actor
from vmconsole.access.models import User
from vmconsole.access.rights import Right
from vmconsole.operations import loop
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation


@transaction.atomic
def delete(user: User, actor: Actor, vm: VirtualMachine, *, delete_disks: Sequence[str] | None = None) -> Operation:
    """Ask for its end. Its disks stay, but for those marked `autoDelete`, or exactly those in `delete_disks`."""
    require_on(user, vm, Right.EDIT)
    vm = VirtualMachine.objects.get(uid=vm.uid)
    replace_open(Verb.DELETE, vm)
    own, doomed = fate_of_disks(vm, delete_disks)
    operation = operations.begin(
        actor, Verb.DELETE, kind=KIND, uid=vm.uid, name=vm.name, namespace=vm.namespace,
        data={"disks": doomed, "user_id": user.pk}, diff={"disks": [sorted(own), sorted(own - set(doomed))]},
    )  # fmt: skip
    VirtualMachine.objects.filter(uid=vm.uid).update(deletion_requested_at=timezone.now(), delete_disks=doomed)
    tell(vm)
    loop.enqueue(KIND, vm.uid)
    return operation


def replace_open(verb: Verb, vm: VirtualMachine) -> None:
    """Refuse what may not be asked now, and end what was asked before."""
    replaced = refuse_unless_allowed(verb, vm)
    if replaced:
        operations.cancelled(replaced, _("Replaced by “%(verb)s”.") % {"verb": verb})


def fate_of_disks(vm: VirtualMachine, delete_disks: Sequence[str] | None) -> tuple[set[str], list[str]]:
    """All its disks, and those that go with it: the marked ones, or exactly those in `delete_disks`."""
    marked = list(vm.disks.filter(auto_delete=True).values_list("disk_name", flat=True))
    own = set(vm.disks.values_list("disk_name", flat=True))
    return own, marked if delete_disks is None else [name for name in delete_disks if name in own]

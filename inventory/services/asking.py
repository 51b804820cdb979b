"""What every request for a machine has in common: rights, rules, and the outbox."""

from __future__ import annotations

from django.utils.translation import gettext as _

from inventory.models import VirtualMachine
from inventory.rules import Subject, Verb, why_not
from observability import changes
from vmconsole.access.errors import Conflict
from vmconsole.access.models import User
from vmconsole.access.rights import Right, require
from vmconsole.operations.models import Operation
from vmconsole.operations.services import open_of
from vmconsole.runtime.types import Power

KIND = "VirtualMachine"
TRASH = "Trash"  # what the outbox calls a machine as long as it is in there
# What a watcher must not miss, and what it selects by.
TOLD = (
    "resource_version", "labels", "status_state", "status_reason", "status_message", "status_power", "status_node",
    "status_started_at", "deletion_requested_at",
)  # fmt: skip


def subject(vm: VirtualMachine, busy: Operation | str | None = "") -> Subject:
    """The rules' view of a machine. `busy` may be given where many machines are asked about at once."""
    verb = busy if isinstance(busy, str) else busy.verb if busy else ""
    return Subject(
        power=Power(vm.status_power) if vm.status_power else None,
        declared=vm.spec_running_state,
        managed=vm.managed,
        deleting=vm.deletion_requested_at is not None,
        trashed=vm.trashed_at is not None,
        busy=verb,
        protected=vm.deletion_protected,
        made=vm.made,
    )


def refuse_unless_allowed(verb: Verb, vm: VirtualMachine) -> Operation | None:
    """Raise Conflict with the rule's sentence, or give the open operation that this verb may replace."""
    current = open_of(vm.uid)
    reason = why_not(verb, subject(vm, current))
    if reason:
        raise Conflict(_("%(name)s: %(why)s") % {"name": vm.title, "why": _(reason)}, reason="NotNow")
    return current


def require_on(user: User, vm: VirtualMachine, right: Right = Right.EDIT) -> None:
    """A machine made outside belongs to no namespace: only those who run the cluster may touch it."""
    if vm.namespace:
        require(user, right, vm.namespace)
    else:
        require(user, Right.CLUSTER_VIEW if right is Right.VIEW else Right.CLUSTER_EDIT, None)


def tell(vm: VirtualMachine, what: changes.What = "MODIFIED") -> None:
    """Put the change in the outbox; its number is the row's resource version.

    Who watches machines is told that it went when it was thrown away, and nothing more until it is back.
    """
    if vm.trashed_at:
        changes.changed(TRASH, vm.uid, vm.name, vm.namespace, what)
        return
    seen = changes.seen_of(vm, () if what == "DELETED" else TOLD)
    vm.resource_version = changes.changed(KIND, vm.uid, vm.name, vm.namespace, what, seen)
    VirtualMachine.objects.filter(uid=vm.uid).update(resource_version=vm.resource_version)

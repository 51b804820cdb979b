"""One thing asked of many machines: what would happen to each, and then, one by one, what came of it.

A refusal of one stops no other. Each machine's answer is in the audit as if it had been asked alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inventory.labelling import Change
from inventory.models import VirtualMachine
from inventory.rules import OFF, Verb
from inventory.services import editing, power, trash
from observability import audit
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Declined
from vmconsole.access.models import User
from vmconsole.access.rights import Right, may
from vmconsole.operations.models import Operation

LABEL = "label"
NOTHING = Change()
VERBS = (Verb.START, Verb.STOP, Verb.RESTART, Verb.PAUSE, Verb.RESUME, Verb.FORCE_STOP, Verb.DELETE)


@dataclass(frozen=True, slots=True)
class Task:
    """`verb` of power, `delete`, or `label` with its change."""

    verb: str
    change: Change = NOTHING

    @property
    def danger(self) -> bool:
        return self.verb in (Verb.DELETE, Verb.FORCE_STOP)


@dataclass(slots=True)
class Line:
    """One machine. `outlook`: will, skip, refuse; and afterwards asked, done, failed."""

    row: Any
    outlook: str
    said: str = ""
    operation: Operation | None = None


def outlook(row: Any, task: Task) -> Line:
    """What would happen to a machine (`inventory.showing.Shown`): nothing, as it is so already; nothing, as it may
    not; or it.
    """
    if task.verb == LABEL:
        return label_outlook(row, task.change)
    verb = Verb(task.verb)
    if is_so(row.vm, verb):
        return Line(row, "skip", _("It is so already."))
    if verb is Verb.DELETE and not may(row.user, Right.DELETE_MANY, row.vm.namespace or None):
        return Line(row, "refuse", _("Your role may not delete many at once."))
    reason = row.button(verb.value).why_not
    return Line(row, "refuse", reason) if reason else Line(row, "will")


def label_outlook(row: Any, change: Change) -> Line:
    if not row.may_edit:
        return Line(row, "refuse", _("Your role may look at it, but not change it."))
    if not row.vm.managed:
        return Line(row, "refuse", _("It was made outside of this console. Adopt it first."))
    if row.vm.deletion_requested_at:
        return Line(row, "refuse", _("It is being deleted."))
    if change.applied(row.vm.labels) == row.vm.labels:
        return Line(row, "skip", _("It is so already."))
    return Line(row, "will")


def is_so(vm: VirtualMachine, verb: Verb) -> bool:
    off = vm.status_power in ("", *OFF)
    if verb in (Verb.START, Verb.RESUME):
        return not off and vm.status_power != "paused"
    if verb is Verb.PAUSE:
        return vm.status_power == "paused"
    return off and verb in (Verb.STOP, Verb.FORCE_STOP)


def run(user: User, actor: Actor, line: Line, task: Task) -> Line:
    if line.outlook == "refuse":
        refused(actor, line, task, "NotAllowed")
    if line.outlook != "will":
        return line
    try:
        operation = ask(user, actor, line.row.vm, task)
    except Declined as refusal:
        refused(actor, line, task, refusal.reason)
        return Line(line.row, "failed", refusal.public)
    return Line(line.row, "asked" if operation else "done", operation=operation)


def ask(user: User, actor: Actor, vm: VirtualMachine, task: Task) -> Operation | None:
    if task.verb == LABEL:
        whole = VirtualMachine.objects.prefetch_related("disks", "interfaces").get(uid=vm.uid)
        manifest = editing.manifest_now(whole)
        manifest.metadata.labels = task.change.applied(whole.labels)
        return editing.edit(user, actor, whole, manifest)
    if task.verb == Verb.DELETE:
        return trash.discard(user, actor, vm)
    return power.power(user, actor, vm, Verb(task.verb))


def refused(actor: Actor, line: Line, task: Task, reason: str) -> None:
    """The answer as a whole is a yes, so this line's no is written down here."""
    vm = line.row.vm
    audit.record(
        actor, "edit" if task.verb == LABEL else task.verb, kind="VirtualMachine", uid=vm.uid, name=vm.name,
        namespace=vm.namespace, phase=audit.Phase.REFUSED, reason=reason,
    )  # fmt: skip

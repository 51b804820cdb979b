"""Machines as pages show them: with their open operation, their size, and what may be done with them now.

Made for a whole page at once, so that a list costs the same few queries however long it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from inventory.fixing import FixButton, buttons
from inventory.models import VirtualMachine, VirtualMachineType
from inventory.rules import Verb, why_not
from inventory.services.asking import KIND, subject
from inventory.situations import Situation, latest, situation_of
from inventory.why import Why, why
from vmconsole.access.rights import Right, may
from vmconsole.operations.models import Operation
from vmconsole.pages import Icon
from vmconsole.runtime.models import Node

LABELS: dict[str, tuple[Any, str]] = {
    Verb.START: (gettext_lazy("Start"), Icon("player-play")),
    Verb.STOP: (gettext_lazy("Stop"), Icon("player-stop")),
    Verb.FORCE_STOP: (gettext_lazy("Force stop"), Icon("bolt")),
    Verb.RESTART: (gettext_lazy("Restart"), Icon("refresh")),
    Verb.RESET: (gettext_lazy("Reset"), Icon("rotate")),
    Verb.PAUSE: (gettext_lazy("Pause"), Icon("player-pause")),
    Verb.RESUME: (gettext_lazy("Resume"), Icon("player-track-next")),
    Verb.DELETE: (gettext_lazy("Delete"), Icon("trash")),
    Verb.EDIT: (gettext_lazy("Edit"), Icon("pencil")),
    Verb.ADOPT: (gettext_lazy("Adopt"), Icon("home-plus")),
    Verb.TRASH: (gettext_lazy("Move to the trash"), Icon("trash")),
    Verb.RESTORE: (gettext_lazy("Restore"), Icon("restore")),
    Verb.PURGE: (gettext_lazy("Purge"), Icon("trash-x")),
}

# Where a verb is asked for, below the machine's own address; power verbs have a place for all of them.
PLACES = {Verb.DELETE: "delete", Verb.ADOPT: "adopt", Verb.EDIT: "configuration"}


@lru_cache(maxsize=64)
def spoken(_language: str | None, verb: Verb) -> tuple[str, str]:
    """The verb's label in the reader's language, and its icon."""
    label, icon = LABELS[verb]
    return str(label), icon


@dataclass(frozen=True, slots=True)
class Button:
    """One thing to ask for. With `why_not` it is shown disabled, and says why."""

    verb: str
    label: str
    icon: str
    url: str
    why_not: str = ""


@dataclass
class Shown:
    """One machine, dressed for a page."""

    vm: VirtualMachine
    user: Any
    operation: Operation | None = None
    shape: VirtualMachineType | None = None
    last: Operation | None = None
    node: Node | None = None
    may_edit: bool = False
    url: str = ""
    buttons: dict[str, Button] = field(default_factory=dict)

    @property
    def vcpus(self) -> int | None:
        return self.vm.spec_vcpus or (self.shape.spec_vcpus if self.shape else None) or self.vm.status_vcpus

    @property
    def memory_bytes(self) -> int | None:
        own = self.vm.spec_memory_bytes or (self.shape.spec_memory_bytes if self.shape else None)
        return own or self.vm.status_memory_bytes

    @property
    def addresses(self) -> list[str]:
        return [address for card in self.vm.status_addresses for address in card.get("ipAddresses", [])]

    @property
    def started_at(self) -> datetime | None:
        return None if self.vm.is_off else self.vm.status_started_at

    @cached_property
    def why(self) -> Why | None:
        return why(self.situation)

    @cached_property
    def situation(self) -> Situation:
        return situation_of(self.vm, asked=self.operation, last=self.last, node=self.node)

    @cached_property
    def fixes(self) -> list[FixButton]:
        """What can be done about it, as buttons."""
        return buttons(self, self.situation, self.why.fixes) if self.why else []

    @property
    def first_link(self) -> FixButton | None:
        """The likeliest fix that is a link, for lists."""
        return next((fix for fix in self.fixes if not fix.post and not fix.why_not), None)

    @cached_property
    def may_console(self) -> bool:
        return may(self.user, Right.CONSOLE, self.vm.namespace or None)

    def button(self, verb: str) -> Button:
        if verb not in self.buttons:
            self.buttons[verb] = self._made(Verb(verb))
        return self.buttons[verb]

    def _made(self, verb: Verb) -> Button:
        label, icon = spoken(get_language(), verb)
        reason = _("Your role may look at it, but not change it.")
        if self.may_edit:
            said = why_not(verb, subject(self.vm, self.operation.verb if self.operation else ""))
            reason = _(said) if said else ""
        return Button(verb.value, label, icon, f"{self.url}{PLACES.get(verb, f'power/{verb.value}')}", reason)

    @property
    def fitting(self) -> tuple[str, ...]:
        """The verbs that fit its power, the likeliest first."""
        if self.vm.status_power == "paused":
            return ("resume", "force-stop")
        return ("start",) if self.vm.is_off else ("stop", "restart", "pause")

    @property
    def primary(self) -> list[Button]:
        """The buttons that fit its power; the rest is in the menu."""
        return [self.button(verb) for verb in self.fitting]

    @property
    def quick(self) -> Button:
        """The one button of a row in a list."""
        return self.button(self.fitting[0])

    @property
    def menu_delete(self) -> Button:
        return self.button("delete")

    @property
    def menu_adopt(self) -> Button:
        return self.button("adopt")

    @property
    def menu(self) -> list[Button]:
        return [self.button(verb) for verb in ("start", "stop", "restart", "pause", "resume", "reset", "force-stop")]


def may_edit(user: Any, namespace: str) -> bool:
    """A machine made outside belongs to no namespace: only those who run the cluster may touch it."""
    return may(user, Right.EDIT, namespace) if namespace else may(user, Right.CLUSTER_EDIT, None)


def shown(user: Any, vms: Iterable[VirtualMachine]) -> list[Shown]:
    """Any number of machines, dressed with three queries."""
    rows = list(vms)
    uids = [vm.uid for vm in rows]
    busy = {op.subject_uid: op for op in Operation.objects.open().filter(subject_kind=KIND, subject_uid__in=uids)}
    names = {vm.spec_type_name for vm in rows if vm.spec_type_name}
    shapes = {shape.name: shape for shape in VirtualMachineType.objects.filter(name__in=names)} if names else {}
    editable = {name: may_edit(user, name) for name in {vm.namespace for vm in rows}}
    last = latest(uids)
    base = reverse("inventory:vm_list")
    return [
        Shown(
            vm,
            user,
            operation=busy.get(vm.uid),
            shape=shapes.get(vm.spec_type_name),
            last=last.get(vm.uid),
            may_edit=editable[vm.namespace],
            url=f"{base}{vm.namespace or '-'}/{vm.name if vm.namespace else vm.uid}/",  # DNS labels: nothing to quote
        )
        for vm in rows
    ]


def one(user: Any, vm: VirtualMachine) -> Shown:
    """One machine, with what its node says too."""
    row = shown(user, [vm])[0]
    row.node = Node.objects.filter(name=vm.status_node).first() if vm.status_node else None
    return row

"""Many machines at once: first what would happen to each, then do it, then what came of each."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from inventory.models import VirtualMachine
from inventory.rules import OFF, Verb
from inventory.services import editing, power
from inventory.showing import LABELS, Shown, shown
from inventory.views.finding import uid_of
from observability import audit
from vmconsole.access.actors import Actor, actor_of
from vmconsole.access.errors import Declined, NotFound, Unprocessable
from vmconsole.access.rights import Right, may
from vmconsole.access.views_people import asker

MOST = 200  # more in one request would keep a browser waiting longer than people do
VERBS = (Verb.START, Verb.STOP, Verb.RESTART, Verb.FORCE_STOP, Verb.DELETE)


@dataclass
class Line:
    """One machine of the dialog. `outlook`: will, skip, refuse, and afterwards done, failed."""

    row: Shown
    outlook: str
    said: str = ""


def chosen(request: HttpRequest) -> list[VirtualMachine]:
    uids = [uid for text in request.POST.getlist("uid")[:MOST] if (uid := uid_of(text))]
    rows = list(VirtualMachine.objects.visible_to(asker(request)).filter(uid__in=uids))
    if not rows:
        raise Unprocessable(_("Choose at least one machine."), field="uid")
    return sorted(rows, key=lambda vm: (vm.namespace, vm.name))


def verb_of(request: HttpRequest) -> Verb:
    try:
        verb = Verb(request.POST.get("verb", ""))
    except ValueError:
        verb = Verb.CREATE
    if verb not in VERBS:
        raise NotFound(_("There is no such thing to ask for."))
    return verb


@require_POST
def vm_bulk(request: HttpRequest) -> HttpResponse:
    """The dialog: one line for each machine before anything is done."""
    verb = verb_of(request)
    lines = [outlook(row, verb) for row in shown(request.user, chosen(request))]
    return dialog(request, verb, lines, done=False)


@require_POST
def vm_bulk_run(request: HttpRequest) -> HttpResponse:
    """Do it, one by one: a refusal of one stops no other."""
    verb = verb_of(request)
    rows = shown(request.user, chosen(request))
    confirm_deletion(request, verb, len(rows))
    lines = [run(request, outlook(row, verb), verb) for row in rows]
    answer = dialog(request, verb, lines, done=True)
    answer["HX-Trigger"] = "operation-changed, vm-list"
    return answer


def confirm_deletion(request: HttpRequest, verb: Verb, number: int) -> None:
    if verb is Verb.DELETE and request.POST.get("typed") != str(number):
        raise Unprocessable(_("Type how many machines you delete."), field="typed")


def outlook(row: Shown, verb: Verb) -> Line:
    """What would happen: nothing, because it is so already; nothing, because it may not; or it."""
    if is_so(row.vm, verb):
        return Line(row, "skip", _("It is so already."))
    if verb is Verb.DELETE and not may(row.user, Right.DELETE_MANY, row.vm.namespace or None):
        return Line(row, "refuse", _("Your role may not delete many at once."))
    reason = row.button(verb.value).why_not
    return Line(row, "refuse", reason) if reason else Line(row, "will")


def is_so(vm: VirtualMachine, verb: Verb) -> bool:
    off = vm.status_power in ("", *OFF)
    if verb is Verb.START:
        return not off and vm.status_power != "paused"
    return off and verb in (Verb.STOP, Verb.FORCE_STOP)


def run(request: HttpRequest, line: Line, verb: Verb) -> Line:
    user, actor = asker(request), actor_of(request)
    if line.outlook == "refuse":
        refused(actor, line, verb, "NotAllowed")
    if line.outlook != "will":
        return line
    try:
        if verb is Verb.DELETE:
            editing.delete(user, actor, line.row.vm)
        else:
            power.power(user, actor, line.row.vm, verb)
    except Declined as refusal:
        refused(actor, line, verb, refusal.reason)
        return Line(line.row, "failed", refusal.public)
    return Line(line.row, "done", _("Asked for."))


def refused(actor: Actor, line: Line, verb: Verb, reason: str) -> None:
    """The answer as a whole is a yes, so this line's no is written down here."""
    vm = line.row.vm
    audit.record(
        actor, verb.value, kind="VirtualMachine", uid=vm.uid, name=vm.name, namespace=vm.namespace,
        phase=audit.Phase.REFUSED, reason=reason,
    )  # fmt: skip


def dialog(request: HttpRequest, verb: Verb, lines: list[Line], *, done: bool) -> HttpResponse:
    label, _icon = LABELS[verb]
    context = {
        "verb": verb.value,
        "label": label,
        "lines": lines,
        "done": done,
        "will": sum(line.outlook == "will" for line in lines),
        "failed": [line for line in lines if line.outlook == "failed"],
        "danger": verb in (Verb.DELETE, Verb.FORCE_STOP),
        "typed": str(len(lines)) if verb is Verb.DELETE and not done else "",
    }
    return render(request, "inventory/vm_bulk.html", context)

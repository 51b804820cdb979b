"""Many machines at once: first what would happen to each, then do it, then what came of each.

Hundreds of machines are asked part by part: each part of the dialog's table asks for the next one when it has its
answers, so that nobody looks at a page that stands still, and a part whose operations still run asks how they went on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from inventory.folders import forget
from inventory.labelling import Change, parse
from inventory.models import VirtualMachine
from inventory.rules import Verb
from inventory.search import MACHINES
from inventory.services.many import LABEL, VERBS, Line, Task, outlook, run
from inventory.showing import LABELS, shown
from inventory.views.finding import uid_of, visible
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound, Unprocessable
from vmconsole.access.views_people import asker
from vmconsole.operations.models import Operation, State
from vmconsole.operations.views import visible_to

MOST = 2000  # more lines than anybody reads before saying yes
PART = 25  # machines in one request: about half a second
ENDED = {State.DONE: "done", State.FAILED: "failed", State.CANCELLED: "failed"}


def chosen(request: HttpRequest) -> list[VirtualMachine]:
    """Those that are ticked, or, with `all`, those that the search finds on every page."""
    rows = VirtualMachine.objects.visible_to(asker(request))
    if request.POST.get("all") == "1":
        rows = MACHINES.demand(visible(request), request.POST.get("q", ""))
    else:
        rows = rows.filter(uid__in=[uid for text in request.POST.getlist("uid")[:MOST] if (uid := uid_of(text))])
    found = list(rows.order_by("namespace", "name", "uid")[: MOST + 1])
    if not found:
        raise Unprocessable(_("Choose at least one machine."), field="uid")
    if len(found) > MOST:
        said = _("That is more than %(most)d machines. Narrow your search, and do it in parts.")
        raise Unprocessable(said % {"most": MOST}, field="uid")
    return found


def task_of(request: HttpRequest) -> Task:
    verb = request.POST.get("verb", "")
    if verb == LABEL:
        return Task(LABEL, parse(request.POST.get("labels", ""), request.POST.get("folder", "")))
    if verb not in VERBS:
        raise NotFound(_("There is no such thing to ask for."))
    return Task(verb)


@require_POST
def vm_bulk(request: HttpRequest) -> HttpResponse:
    """The dialog: one line for each machine before anything is done."""
    rows, problem = shown(request.user, chosen(request)), ""
    try:
        task = task_of(request)
    except Unprocessable as refusal:  # a label that is none: said beside its field, and nothing is lost
        task, problem = Task(LABEL, Change()), refusal.public
    return dialog(request, task, [outlook(row, task) for row in rows], problem=problem)


@require_POST
def vm_bulk_run(request: HttpRequest) -> HttpResponse:
    """Do it to the first part; the others wait for their turn. `part`: the number of one whose turn it is."""
    task, vms = task_of(request), chosen(request)
    confirm_deletion(request, task, len(vms))
    here, waiting = vms[:PART], [] if request.POST.get("part") else vms[PART:]
    user, actor = asker(request), actor_of(request)
    lines = [run(user, actor, outlook(row, task), task) for row in shown(request.user, here)]
    if task.verb == LABEL:
        forget()
    number = int(request.POST["part"]) if request.POST.get("part", "").isdecimal() else 1
    if request.POST.get("part"):
        answer = render(request, "inventory/bulk_part.html", {"part": parted(lines)})
    else:
        answer = dialog(request, task, lines, waiting=shown(request.user, waiting))
    answer["HX-Trigger"] = "operation-changed, vm-list"
    answer["HX-Trigger-After-Settle"] = f"bulk-part-{number + 1}"
    return answer


@require_safe
def vm_bulk_results(request: HttpRequest) -> HttpResponse:
    """What came of a part's operations so far."""
    uids = [uid for text in request.GET.getlist("op")[:PART] if (uid := uid_of(text))]
    found = visible_to(request.user).filter(uid__in=uids).order_by("namespace", "subject_name", "uid")
    part = {"operations": [told(each) for each in found], "open": any(each.is_open for each in found)}
    return render(request, "inventory/bulk_part.html", {"part": part})


def confirm_deletion(request: HttpRequest, task: Task, number: int) -> None:
    """How many was typed, and it is the number that the dialog showed."""
    typed, total = request.POST.get("typed", ""), request.POST.get("total", "")
    right = typed == (total or str(number)) and typed.isdecimal() and len(typed) < 6 and int(typed) >= number
    if task.verb == Verb.DELETE and not right:
        raise Unprocessable(_("Type how many machines you delete."), field="typed")


def told(operation: Operation) -> dict[str, Any]:
    return {
        "title": operation.subject_name,
        "place": operation.namespace,
        "uid": operation.subject_uid,
        "operation": operation.uid,
        "outlook": ENDED.get(State(operation.state), "asked"),
        "said": operation.message,
        "percent": operation.percent if operation.is_open else None,
    }


def line_of(line: Line) -> dict[str, Any]:
    vm = line.row.vm
    return {"title": vm.title, "place": vm.namespace, "uid": vm.uid, "outlook": line.outlook, "said": line.said}


def parted(lines: Sequence[Line]) -> dict[str, Any]:
    """A part of the table: what is settled, and operations that go on."""
    return {
        "lines": [line_of(line) for line in lines if not line.operation],
        "operations": [
            {**line_of(line), "operation": line.operation.uid, "percent": line.operation.percent}
            for line in lines
            if line.operation
        ],
        "open": True,
    }


def dialog(
    request: HttpRequest, task: Task, lines: list[Line], *, waiting: Sequence[Any] | None = None, problem: str = ""
) -> HttpResponse:
    label = _("Labels") if task.verb == LABEL else LABELS[task.verb][0]
    done, will = waiting is not None, sum(line.outlook == "will" for line in lines)
    total = len(lines) + len(waiting or ())
    later = waiting or ()
    parts = [
        {"number": number, "lines": [line_of(Line(row, "will")) for row in later[start : start + PART]]}
        for number, start in enumerate(range(0, len(later), PART), 2)
    ]
    context = {
        "verb": task.verb,
        "label": label,
        "part": parted(lines),
        "parts": parts,
        "done": done,
        "will": will,
        "wont": sum(line.outlook != "will" for line in lines),
        "danger": task.danger,
        "days": settings.TRASH_DAYS,
        "labelling": task.verb == LABEL,
        "machines": total,
        "labels": request.POST.get("labels", ""),
        "folder": request.POST.get("folder", ""),
        "problem": problem,
        "total": request.POST.get("total", "") if done else str(will if task.verb == Verb.DELETE else total),
        "typed": request.POST.get("typed", "") if done else "",
        "types": task.verb == Verb.DELETE and not done,
    }
    return render(request, "inventory/vm_bulk.html", context)

"""What the command palette finds: things to go to, and, after a verb ("stop web"), things to do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from inventory.models import VirtualMachine
from inventory.rules import POWER_VERBS, Verb
from inventory.showing import LABELS, Shown, shown
from storage.models import VirtualMachineDisk
from vmconsole.access.rights import Right, namespaces
from vmconsole.access.views_people import asker
from vmconsole.pages import Icon

MOST = 8
ACTIONS = (
    ("inventory:vm_create", Icon("plus"), "create virtual machine new vm"),
    ("storage:disk_create", Icon("database-plus"), "create disk new"),
    ("storage:image_create", Icon("disc"), "add image new import upload"),
)


@require_safe
def palette(request: HttpRequest) -> JsonResponse:
    text = request.GET.get("q", "").strip()[:100]
    verb, rest = split(text)
    if slow := about_slowness(text):
        found = [judging(row) for row in machines(request, slow)]
        return JsonResponse({"results": found + [going(row) for row in machines(request, text)]})
    rows = machines(request, rest) if text else []
    if verb:
        found = [doing(row, verb) for row in rows]
    else:
        found = [going(row) for row in rows] + disks(request, text) + creating(request, text)
    return JsonResponse({"results": found})


def split(text: str) -> tuple[Verb | None, str]:
    """ "stop web" is a verb and a name; the verb also in the reader's language."""
    first, _space, rest = text.partition(" ")
    for verb in POWER_VERBS:
        if first and first.lower() in (verb.value, str(LABELS[verb][0]).lower()):
            return verb, rest.strip()
    return None, text


def about_slowness(text: str) -> str:
    """ "slow web" or "why web" asks why it is slow: the name, or "" when it is no such question."""
    first, _space, rest = text.partition(" ")
    return rest.strip() if first.lower() in ("slow", "why", _("slow")) else ""


def judging(row: Shown) -> dict[str, Any]:
    label = _("Why is %(name)s slow?") % {"name": row.vm.title}
    entry = {"label": label, "sub": row.vm.namespace or _("outside"), "icon": Icon("stethoscope")}
    return {**entry, "url": f"{row.url}slow", "post": False}


def machines(request: HttpRequest, text: str) -> list[Shown]:
    rows = VirtualMachine.objects.visible_to(asker(request)).filter(name__icontains=text).order_by("name", "uid")
    return shown(request.user, rows[:MOST])


def going(row: Shown) -> dict[str, Any]:
    state = f"{row.vm.namespace or _('outside')} · {row.vm.status_state}"
    return {"label": row.vm.title, "sub": state, "url": row.url, "post": False, "icon": Icon("device-desktop")}


def doing(row: Shown, verb: Verb) -> dict[str, Any]:
    button = row.button(verb.value)
    label = f"{button.label} {row.vm.title}"
    entry = {"label": label, "sub": row.vm.namespace, "url": button.url, "post": True, "icon": button.icon}
    return {**entry, "why": button.why_not} if button.why_not else entry


def disks(request: HttpRequest, text: str) -> list[dict[str, Any]]:
    if not text:
        return []
    rows = VirtualMachineDisk.objects.visible_to(asker(request)).filter(name__icontains=text).order_by("name")[:4]
    entry = {"sub": _("Disk"), "post": False, "icon": Icon("database")}
    return [{**entry, "label": row.name, "url": row.get_absolute_url()} for row in rows]


def creating(request: HttpRequest, text: str) -> list[dict[str, Any]]:
    if not namespaces(request.user, Right.EDIT):
        return []
    titles = (_("Create a virtual machine"), _("Create a disk"), _("Add an image"))
    found = []
    for (name, icon, words), title in zip(ACTIONS, titles, strict=True):
        if all(word in f"{words} {title.lower()}" for word in text.lower().split()):
            try:
                found.append({"label": title, "sub": _("Do"), "url": reverse(name), "post": False, "icon": icon})
            except NoReverseMatch:
                continue
    return found

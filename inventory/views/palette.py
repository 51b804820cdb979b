"""What the palette and the search on top find: things to go to in groups, and, after a verb ("stop web"), to do.

Each kind is searched by the words of its own list, among what the person may see.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from inventory.models import SavedView, VirtualMachine
from inventory.rules import POWER_VERBS, Verb
from inventory.search import MACHINES
from inventory.services import saved
from inventory.showing import LABELS, Shown, shown
from inventory.views.finding import in_order
from networking.models import Network
from storage.models import Image, VirtualMachineDisk
from storage.queries import DISKS, IMAGES
from vmconsole.access.rights import Right, may, namespaces
from vmconsole.access.views_people import asker
from vmconsole.pages import Icon, spelled
from vmconsole.runtime.models import Node

MOST, MOST_OTHERS = 8, 4
HURTING = (Verb.STOP, Verb.RESTART, Verb.FORCE_STOP, Verb.RESET)
ACTIONS = (
    ("inventory:vm_create", Icon("plus"), "create virtual machine new vm"),
    ("storage:disk_create", Icon("database-plus"), "create disk new"),
    ("storage:image_create", Icon("disc"), "add image new import upload"),
)
Entry = dict[str, Any]


@require_safe
def palette(request: HttpRequest) -> JsonResponse:
    text = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    verb, rest = split(text)
    if slow := about_slowness(text):
        found = [judging(row) for row in machines(request, slow)]
        return JsonResponse({"results": found + [going(row) for row in machines(request, text)]})
    rows = machines(request, rest) if text else []
    if verb:
        found = [doing(row, verb) for row in rows]
    else:
        found = [going(row) for row in rows] + (others(request, text) if text else []) + creating(request, text)
    return JsonResponse({"results": found})


def split(text: str) -> tuple[Verb | None, str]:
    """ "stop web" is a verb and a name; the verb also in the reader's language."""
    first, _space, rest = text.partition(" ")
    for verb in (*POWER_VERBS, Verb.DELETE):
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
    rows, _complaints = MACHINES.search(VirtualMachine.objects.visible_to(asker(request)), text)
    return shown(request.user, in_order(rows.order_by("name", "uid").values_list("uid", flat=True)[:MOST]))


def entry(group: str, icon: str, label: str, url: str, sub: str = "") -> Entry:
    return {"group": group, "label": label, "sub": sub, "url": url, "post": False, "icon": icon}


def going(row: Shown) -> Entry:
    state = f"{row.vm.namespace or _('outside')} · {spelled(row.vm.status_state)}"
    return entry(_("Virtual machines"), Icon("device-desktop"), row.vm.title, row.url, state)


def doing(row: Shown, verb: Verb) -> Entry:
    button = row.button(verb.value)
    found = entry(button.label, button.icon, f"{button.label} {row.vm.title}", button.url, row.vm.namespace)
    if button.why_not:
        return {**found, "post": True, "why": button.why_not}
    if verb is Verb.DELETE:
        return {**found, "dialog": True}  # where the name has to be typed
    return {**found, "post": True} | ({"ask": hurts(verb, row), "yes": button.label} if verb in HURTING else {})


def hurts(verb: Verb, row: Shown) -> str:
    """What to ask before, as a name in a list is easily mistaken for its neighbour."""
    if verb in (Verb.FORCE_STOP, Verb.RESET):
        lost = _("%(verb)s %(name)s? What the guest has not written to its disks is lost.")
    else:
        lost = _("%(verb)s %(name)s? Whoever works with it is cut off.")
    return lost % {"verb": LABELS[verb][0], "name": row.vm.title}


def others(request: HttpRequest, text: str) -> list[Entry]:
    """Disks, images, networks, nodes and saved views."""
    user = asker(request)
    disks = first(DISKS.grammar.search(VirtualMachineDisk.objects.visible_to(user), text)[0])
    images = first(IMAGES.grammar.search(Image.objects.visible_to(user), text)[0])
    networks = Network.objects.visible_to(user).filter(name__icontains=text)
    nodes = Node.objects.filter(name__icontains=text) if may(user, Right.CLUSTER_VIEW, None) else Node.objects.none()
    views = SavedView.objects.visible_to(user).filter(name__icontains=text)
    return [
        *(entry(_("Disks"), Icon("database"), each.name, each.get_absolute_url(), each.namespace) for each in disks),
        *(
            entry(_("Images"), Icon("disc"), each.shown_title, each.get_absolute_url(), each.namespace)
            for each in images
        ),
        *(entry(_("Networks"), Icon("network"), each.name, each.get_absolute_url()) for each in first(networks)),
        *(
            entry(_("Nodes"), Icon("server-2"), each.name, reverse("inventory:node_detail", args=[each.name]))
            for each in first(nodes)
        ),
        *(entry(_("Views"), Icon("bookmark"), each.name, saved.address_of(each), each.query) for each in first(views)),
    ]


def first(rows: QuerySet[Any]) -> Iterable[Any]:
    return rows.order_by("name")[:MOST_OTHERS]


def creating(request: HttpRequest, text: str) -> list[Entry]:
    if not namespaces(request.user, Right.EDIT):
        return []
    titles = (_("Create a virtual machine"), _("Create a disk"), _("Add an image"))
    found = []
    for (name, icon, words), title in zip(ACTIONS, titles, strict=True):
        if all(word in f"{words} {title.lower()}" for word in text.lower().split()):
            try:
                found.append(entry(_("Do"), icon, title, reverse(name)))
            except NoReverseMatch:
                continue
    return found

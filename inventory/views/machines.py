"""A machine's page: its header, its tabs, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from inventory.models import VirtualMachine
from inventory.readiness import needs
from inventory.rules import Verb
from inventory.services import editing, making, power, trash
from inventory.services.asking import require_on
from inventory.showing import one
from inventory.timeline import cursor_of, kinds_for, timeline
from inventory.views.finding import machine, row_of
from networking.models import NetworkInterface
from observability import controller, events, history
from storage.models import VirtualMachineDisk
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound, Unprocessable
from vmconsole.access.rights import Right, namespaces, require
from vmconsole.access.views_people import asker
from vmconsole.operations.models import Operation
from vmconsole.pages import Icon

# In the settings for proxies that a console shows: where the web process is as a rule.
UPSTREAM = "http://127.0.0.1:8080"
KEYS = (
    ("Ctrl+Alt+Del", "ControlLeft AltLeft Delete"),
    ("Ctrl+Alt+Backspace", "ControlLeft AltLeft Backspace"),
    *((f"Ctrl+Alt+F{number}", f"ControlLeft AltLeft F{number}") for number in range(1, 8)),
    ("Alt+Tab", "AltLeft Tab"),
    ("Alt+F4", "AltLeft F4"),
    ("Super", "MetaLeft"),
    ("Print Screen", "PrintScreen"),
    ("Esc", "Escape"),
)
PICTURE_KEPT_SECONDS = 3  # a thumbnail on ten pages is still one look at the screen
Context = dict[str, Any]

TABS: tuple[tuple[str, Any, str], ...] = (
    ("detail", gettext_lazy("Overview"), Icon("layout-dashboard")),
    ("console", gettext_lazy("Console"), Icon("terminal-2")),
    ("metrics", gettext_lazy("Metrics"), Icon("chart-line")),
    ("configuration", gettext_lazy("Configuration"), Icon("adjustments")),
    ("disks", gettext_lazy("Disks"), Icon("database")),
    ("network", gettext_lazy("Network"), Icon("network")),
    ("logs", gettext_lazy("Logs"), Icon("file-text")),
    ("events", gettext_lazy("Timeline"), Icon("history")),
)
BELOW = {"slow": "metrics"}  # pages that belong to a tab
LOOKING_IN = ("console", "logs")  # tabs that need the right to the machine's console


def page(request: HttpRequest, vm: VirtualMachine, tab: str, status: int = 200, **more: Any) -> HttpResponse:
    """One tab of the machine's page, in its frame."""
    row = one(request.user, vm)
    there = row.url
    tabs = [
        {
            "title": title,
            "icon": icon,
            "url": there if key == "detail" else f"{there}{key}",
            "current": key == BELOW.get(tab, tab),
            "locked": key in LOOKING_IN and not row.may_console,
        }
        for key, title, icon in TABS
    ]
    return render(
        request, f"inventory/vm_{tab}.html", {"row": row, "vm": vm, "tabs": tabs, "tab": tab, **more}, status=status
    )


def tab(name: str, gather: Callable[[HttpRequest, VirtualMachine], Context]) -> Callable[..., HttpResponse]:
    """A view of one tab: `gather` tells what it shows besides the machine itself."""

    @require_safe
    def view(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
        vm = machine(request, namespace, name_)
        return page(request, vm, name, **gather(request, vm))

    return view


def overview_of(_request: HttpRequest, vm: VirtualMachine) -> Context:
    return {
        "disks": disks_of(vm),
        "needs": needs(vm) if vm.is_off else [],
        "events": events.of(vm.uid)[:6],
        "operations": Operation.objects.filter(subject_uid=vm.uid).order_by("-created_at")[:5],
        "charts": [
            {"metric": "cpu", "title": _("CPU")},
            {"metric": "memory", "title": _("Memory")},
        ],
    }


def console_of(request: HttpRequest, vm: VirtualMachine) -> Context:
    require(request.user, Right.CONSOLE, vm.namespace or None)
    kind = "serial" if request.GET.get("kind") == "serial" else "vnc"
    return {"kind": kind, "keys": KEYS, "upstream": UPSTREAM}


def metrics_of(request: HttpRequest, vm: VirtualMachine) -> Context:
    return history.tab(vm.uid, request.GET)


def disks_tab(_request: HttpRequest, vm: VirtualMachine) -> Context:
    return {"disks": disks_of(vm)}


def network_of(_request: HttpRequest, vm: VirtualMachine) -> Context:
    cards = {card.card_name: card for card in NetworkInterface.objects.filter(machine_uid=vm.uid)}
    seen = {card["name"]: card for card in vm.status_addresses}
    rows = [{"card": row, "identity": cards.get(row.name), "seen": seen.get(row.name)} for row in vm.interfaces.all()]
    return {"cards": rows}


def events_of(request: HttpRequest, vm: VirtualMachine) -> Context:
    person, kind = asker(request), request.GET.get("kind", "")
    kinds = kinds_for(person, vm)
    kind = kind if kind in dict(kinds) else ""
    before = cursor_of(request.GET.get("before", ""))
    page = timeline(person, vm, kind=kind, before=before)
    return {"timeline": page, "kinds": kinds, "kind": kind, "before": before}


def disks_of(vm: VirtualMachine) -> list[Context]:
    """Its disks in their order, each with the disk itself where it exists."""
    rows = list(vm.disks.all())
    names = [row.disk_name for row in rows]
    known = {disk.name: disk for disk in VirtualMachineDisk.objects.filter(namespace=vm.namespace, name__in=names)}
    return [{"row": row, "disk": known.get(row.disk_name)} for row in rows]


vm_detail = tab("detail", overview_of)
vm_metrics = tab("metrics", metrics_of)
vm_disks = tab("disks", disks_tab)
vm_network = tab("network", network_of)
vm_events = tab("events", events_of)


@require_safe
def vm_console(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """Screen or serial port, as a tab or, with `?window=1`, alone in a window."""
    vm = machine(request, namespace, name_)
    more = console_of(request, vm)
    if request.GET.get("window") != "1":
        return page(request, vm, "console", **more)
    return render(
        request, "inventory/console_window.html", {"vm": vm, "row": one(request.user, vm), "alone": True, **more}
    )


@require_safe
def vm_header(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """The header again, after something changed."""
    vm = machine(request, namespace, name_)
    return render(request, "inventory/vm_header.html", {"row": one(request.user, vm), "vm": vm})


@require_safe
def vm_screenshot(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """The screen as a picture. Looking at it is looking into the machine, so it needs the right to its console."""
    vm = machine(request, namespace, name_)
    require(request.user, Right.CONSOLE, vm.namespace or None)
    try:
        picture = cache.get_or_set(f"screen:{vm.uid}", lambda: controller.screenshot(vm.uid), PICTURE_KEPT_SECONDS)
    except controller.Silent as error:
        raise NotFound(_("There is no picture of its screen just now.")) from error
    return HttpResponse(picture, content_type="image/png")


@require_POST
def vm_power(request: HttpRequest, namespace: str, name_: str, verb: str) -> HttpResponse:
    """Start, stop and their like. The answer is what the page shows of it: its header or its row."""
    vm = machine(request, namespace, name_)
    if verb not in power.WISHES and verb != Verb.RESET:
        raise NotFound(_("There is no such thing to ask for."))
    power.power(asker(request), actor_of(request), vm, Verb(verb))
    return answered(request, vm)


def answered(request: HttpRequest, vm: VirtualMachine) -> HttpResponse:
    if not request.headers.get("HX-Request"):
        return redirect(vm.get_absolute_url())
    vm.refresh_from_db()
    row = one(request.user, vm)
    in_list = request.headers.get("HX-Target", "").startswith("row-")
    if in_list:
        answer = HttpResponse(row_of(request, row))
    else:
        answer = render(request, "inventory/vm_header.html", {"row": row, "vm": vm})
    answer["HX-Trigger"] = "operation-changed"
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def vm_delete(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """GET: the dialog, with the disks that would go. POST: do it; of one that runs the name must have been typed."""
    vm = machine(request, namespace, name_)
    require_on(asker(request), vm)
    row = one(request.user, vm)
    must_type = not vm.is_off or settings.TRASH_DAYS <= 0  # what stops nothing and can be undone takes one click
    if request.method != "POST":
        context = {"disks": disks_of(vm), "days": settings.TRASH_DAYS, "must_type": must_type}
        return render(request, "inventory/vm_delete.html", {"row": row, "vm": vm, **context})
    if must_type and request.POST.get("typed") != vm.name:
        raise Unprocessable(_("Type the machine's name to delete it."), field="typed")
    trash.discard(asker(request), actor_of(request), vm, delete_disks=request.POST.getlist("disks"))
    answer: HttpResponse = redirect("inventory:vm_list")
    if request.headers.get("HX-Request"):
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = str(request.build_absolute_uri("/vms/"))
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def vm_adopt(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """Take a machine made outside into a namespace."""
    vm = machine(request, namespace, name_)
    require_on(asker(request), vm)
    row = one(request.user, vm)
    if request.method != "POST":
        places = namespaces(request.user, Right.EDIT)
        return render(request, "inventory/vm_adopt.html", {"row": row, "vm": vm, "places": places})
    place, name = request.POST.get("namespace", ""), request.POST.get("name", "")
    making.adopt(asker(request), actor_of(request), vm, namespace=place, name=name)
    return redirect("inventory:vm_list")


@require_POST
def vm_drift(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """Changed outside: `keep` ours or theirs."""
    vm = machine(request, namespace, name_)
    theirs = request.POST.get("keep") == "theirs"
    editing.resolve_drift(asker(request), actor_of(request), vm, keep="theirs" if theirs else "ours")
    return answered(request, vm)


@require_POST
def vm_declare(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """Set or remove the standing wish for its power."""
    vm = machine(request, namespace, name_)
    editing.declare(asker(request), actor_of(request), vm, request.POST.get("running_state", ""))
    return answered(request, vm)

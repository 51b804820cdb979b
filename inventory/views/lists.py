"""The list of machines: page, sort and search on the server; one row, one side panel; the same as CSV."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from inventory.columns import COLUMNS, columns_of, view_of
from inventory.folders import counted, tree
from inventory.models import SavedView, VirtualMachine
from inventory.search import MACHINES
from inventory.services import saved
from inventory.showing import one, shown
from inventory.views.finding import in_order, machine, row_of, visible
from observability import events
from vmconsole.access.rights import Right, everywhere, may, namespaces
from vmconsole.access.views_people import asker
from vmconsole.lists import Asked, Listing, namespace_of, silent


def addresses_of(vm: VirtualMachine) -> str:
    return " ".join(ip for card in vm.status_addresses for ip in card.get("ipAddresses", []))


LIST = Listing(
    "virtual-machines",
    MACHINES,
    # Columns with an index: sorting a hundred thousand rows by another would take a second.
    sorts={
        "name": ("name", "uid"),
        "state": ("status_state", "name"),
        "namespace": ("namespace", "name"),
        "node": ("status_node", "name"),
        "created": ("created_at", "uid"),
    },
    counted_by="name",
    cells={
        "namespace": lambda vm: vm.namespace,
        "name": lambda vm: vm.name,
        "state": lambda vm: vm.status_state,
        "reason": lambda vm: vm.status_reason,
        "vcpus": lambda vm: vm.spec_vcpus or vm.status_vcpus,
        "memory_bytes": lambda vm: vm.spec_memory_bytes or vm.status_memory_bytes,
        "type": lambda vm: vm.spec_type_name,
        "node": lambda vm: vm.status_node,
        "addresses": addresses_of,
        "created": lambda vm: vm.created_at,
        "labels": lambda vm: " ".join(f"{key}={value}" for key, value in sorted(vm.labels.items())),
        "uid": lambda vm: vm.uid,
    },
)


def page_of(request: HttpRequest, asked: Asked) -> Page[Any]:
    """One page, in two steps: uids by the index alone, then only the rows that are shown."""
    asked.rows = asked.rows.values_list("uid", flat=True)
    page = asked.page(request)
    page.object_list = in_order(page.object_list)
    return page


@require_safe
def vm_list(request: HttpRequest) -> HttpResponse:
    user = asker(request)
    if request.headers.get("HX-Target") == "silent":  # asked whenever any machine changes
        return render(request, "parts/silent.html", {"silent": silent()})
    if not request.GET and (first := saved.default_of(user)):
        return redirect(saved.address_of(first))
    asked, view = LIST.asked(request, visible(request)), view_of(user, request.GET)
    page = page_of(request, asked)
    page.object_list = shown(user, page.object_list)
    context = {
        **asked.context(page),
        "chips": chips(asked.query, view),
        "views": [(each, saved.address_of(each)) for each in saved.listed(user)],
        "view": view,
        "view_changed": view is not None and saved.may_change(user, view) and changed(request, view),
        "kept": {name: request.GET[name] for name in ("view", "columns") if request.GET.get(name)},
        "columns": [COLUMNS[key] for key in columns_of(user, request.GET, view)],
        "folders": tree(counted(visible(request), scope_key(request)), asked.query),
        "may_create": bool(namespaces(user, Right.EDIT)),
        "fragment": request.headers.get("HX-Target") == "vms",
    }
    return render(request, "inventory/vm_table.html" if context["fragment"] else "inventory/vm_list.html", context)


def changed(request: HttpRequest, view: SavedView) -> bool:
    """Whether the list shows something else than the view that is open."""
    asked = request.GET
    columns = asked.get("columns", "")
    same = asked.get("q", "").strip() == view.query and asked.get("sort", "") == view.order
    return not same or bool(columns and columns != ",".join(view.columns))


def scope_key(request: HttpRequest) -> str:
    """Who sees which machines, as a key of counts that are kept."""
    chosen = namespace_of(request)
    mine = [chosen] if chosen else ["*"] if everywhere(request.user) else namespaces(request.user)
    return f"{may(request.user, Right.CLUSTER_VIEW, None)} {' '.join(mine)}"


def chips(query: str, view: SavedView | None) -> list[dict[str, Any]]:
    """Searches that are one click away."""
    known = ((_("All"), ""), (_("Running"), "state:running"), (_("Stopped"), "state:stopped"))
    more = ((_("Needs attention"), "is:problem"), (_("Made outside"), "is:outside"))
    return [
        {"title": title, "query": words, "current": words == query and view is None} for title, words in (*known, *more)
    ]


@require_safe
def vm_row(request: HttpRequest, uid: UUID) -> HttpResponse:
    """One row again. Gone: an empty answer, which takes the row off the page."""
    vm = VirtualMachine.objects.visible_to(asker(request)).filter(uid=uid).first()
    if vm is None:
        return HttpResponse()
    return HttpResponse(row_of(request, one(request.user, vm)))


@require_safe
def vm_side(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    vm = machine(request, namespace, name_)
    return render(request, "inventory/vm_side.html", {"row": one(request.user, vm), "events": events.of(vm.uid)[:5]})


@require_safe
def vm_export(request: HttpRequest) -> StreamingHttpResponse:
    return LIST.export(request, visible(request))

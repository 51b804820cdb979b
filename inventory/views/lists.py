"""The list of machines: page, sort and search on the server; one row, one side panel; the same as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from inventory.models import VirtualMachine, VirtualMachineQuerySet
from inventory.rows import row_html
from inventory.search import LESSONS, search
from inventory.showing import one, shown
from inventory.views.finding import machine, visible
from observability import events
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, namespaces
from vmconsole.access.views_people import asker

PER_PAGE = 50
MOST_EXPORTED = 100_000
MOST_COUNTED = 10_000  # of what a search finds; counting a hundred thousand names by a part of them takes 40 ms
# What a row never shows. Reading it would cost a third of the page.
UNSEEN = (
    "labels", "annotations", "delete_disks", "spec_compute", "spec_firmware", "spec_cloud_init", "spec_rest",
    "status_guest", "status_screen", "status_transitions", "status_crashes",
)  # fmt: skip
# Columns with an index: sorting a hundred thousand rows by another would take a second.
SORTS = {
    "name": ("name", "uid"),
    "state": ("status_state", "name"),
    "namespace": ("namespace", "name"),
    "node": ("status_node", "name"),
    "created": ("created_at", "uid"),
}


def ordered(rows: VirtualMachineQuerySet, sort: str) -> VirtualMachineQuerySet:
    columns = SORTS.get(sort.removeprefix("-"), SORTS["name"])
    return rows.order_by(*(f"-{column}" if sort.startswith("-") else column for column in columns))


def asked(request: HttpRequest) -> tuple[VirtualMachineQuerySet, list[str]]:
    rows, complaints = search(visible(request), request.GET.get("q", ""))
    return ordered(rows, request.GET.get("sort", "name")), complaints


class Bounded(Paginator):  # type: ignore[type-arg]  # takes none when it runs
    """Pages of what a search found, which counts no further than it must: many are “10,000+”."""

    object_list: VirtualMachineQuerySet

    @cached_property
    def counted(self) -> int:
        return self.object_list.order_by().values_list("name")[: MOST_COUNTED + 1].count()  # by an index alone

    @property
    def count(self) -> int:
        return min(self.counted, MOST_COUNTED)

    @property
    def said(self) -> str:
        return f"{self.count}+" if self.counted > MOST_COUNTED else str(self.count)


def page_of(rows: VirtualMachineQuerySet, number: str | None, searched: bool) -> Page[Any]:
    """One page, in two steps: uids by the index alone, then only the rows that are shown."""
    pages = Bounded if searched else Paginator
    page: Page[Any] = pages(rows.values_list("uid", flat=True), PER_PAGE).get_page(number)
    uids = list(page.object_list)
    found = VirtualMachine.objects.defer(*UNSEEN).in_bulk(uids)
    page.object_list = [found[uid] for uid in uids if uid in found]
    return page


@require_safe
def vm_list(request: HttpRequest) -> HttpResponse:
    rows, complaints = asked(request)
    page = page_of(rows, request.GET.get("page"), searched=bool(request.GET.get("q", "").strip()))
    page.object_list = shown(request.user, page.object_list)
    context = {
        "page": page,
        "query": request.GET.get("q", ""),
        "sort": request.GET.get("sort", "name"),
        "complaints": complaints,
        "lessons": LESSONS,
        "views": chips(request),
        "may_create": bool(namespaces(request.user, Right.EDIT)),
    }
    fragment = request.headers.get("HX-Target") == "vms"
    return render(request, "inventory/vm_table.html" if fragment else "inventory/vm_list.html", context)


def chips(request: HttpRequest) -> list[dict[str, Any]]:
    """Searches that are one click away."""
    known = ((_("All"), ""), (_("Running"), "state:running"), (_("Stopped"), "state:stopped"))
    more = ((_("Needs attention"), "is:problem"), (_("Made outside"), "is:outside"))
    now = request.GET.get("q", "").strip()
    return [{"title": title, "query": query, "current": query == now} for title, query in (*known, *more)]


@require_safe
def vm_row(request: HttpRequest, uid: UUID) -> HttpResponse:
    """One row again. Gone: an empty answer, which takes the row off the page."""
    vm = VirtualMachine.objects.visible_to(asker(request)).filter(uid=uid).first()
    if vm is None:
        return HttpResponse()
    return HttpResponse(row_html(one(request.user, vm)))


@require_safe
def vm_side(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    vm = machine(request, namespace, name_)
    return render(request, "inventory/vm_side.html", {"row": one(request.user, vm), "events": events.of(vm.uid)[:5]})


@require_safe
def vm_export(request: HttpRequest) -> StreamingHttpResponse:
    """What the search shows, all pages of it."""
    rows, _complaints = asked(request)
    if not rows.exists() and request.GET.get("q"):
        raise NotFound(_("Nothing matches, so there is nothing to export."))
    answer = StreamingHttpResponse(csv_lines(rows[:MOST_EXPORTED]), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="virtual-machines-{timezone.now():%Y%m%d-%H%M}.csv"'
    return answer


class Echo:
    """A file that gives back what is written to it: how csv writes a line that is sent at once."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: VirtualMachineQuerySet) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(
        ["namespace", "name", "state", "reason", "vcpus", "memory_bytes", "type", "node", "addresses", "created", "uid"]
    )
    for vm in rows.iterator(chunk_size=500):
        addresses = " ".join(ip for card in vm.status_addresses for ip in card.get("ipAddresses", []))
        yield writer.writerow(
            [
                *(harmless(text) for text in (vm.namespace, vm.name, vm.status_state, vm.status_reason)),
                vm.spec_vcpus or vm.status_vcpus or "", vm.spec_memory_bytes or vm.status_memory_bytes or "",
                *(harmless(text) for text in (vm.spec_type_name, vm.status_node, addresses)),
                vm.created_at.isoformat(), vm.uid,
            ]
        )  # fmt: skip


def harmless(text: str) -> str:
    """A spreadsheet runs what begins like a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

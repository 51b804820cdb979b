"""What a machine printed on its serial port: to read, to search, to follow and to keep."""

from __future__ import annotations

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from inventory import log_range
from inventory.models import VirtualMachine
from inventory.serial_lines import lines_of, stamped
from inventory.showing import one
from inventory.views.finding import machine
from inventory.views.machines import Context, page
from vmconsole.access import zones
from vmconsole.access.errors import Refused
from vmconsole.access.rights import Right, require
from vmconsole.gateway import readings
from vmconsole.gateway.kept_log import KeptLog, opened

MOST_KEPT = 8 * 1024 * 1024
MOST_READ = 512 * 1024
MOST_SEARCHED = 100  # characters of a search


@require_safe
def vm_logs(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """The end of the log as lines. A page that follows it gets them again when there is more, and 204 when not."""
    vm = _mine_to_read(request, namespace, name_)
    asked, query = log_range.wanted(request.GET), request.GET.get("q", "").strip()[:MOST_SEARCHED]
    context: Context = {"query": query, "asked": asked, "spans": log_range.TITLES, "zone": str(zones.here())}
    status, is_fragment = 200, request.headers.get("HX-Target") == "vm-log"
    with opened(log_of(vm)) as kept:
        try:
            start, end = part_of(kept, asked, vm)
            context["mark"] = f"{kept.mark}-{start:x}-{end:x}"
            if is_fragment and request.GET.get("mark") == context["mark"]:
                return HttpResponse(status=204)
            context |= shown(kept, start, end, query)
        except Refused as refused:
            context["refused"], status = refused, refused.status
        context["timed"] = kept.times.known
    if not is_fragment:
        return page(request, vm, "logs", status, **context)
    # A fragment that says why not ends the asking; an error status would leave it as it is.
    return render(request, "inventory/vm_log_lines.html", {"row": one(request.user, vm), **context})


def part_of(kept: KeptLog, asked: log_range.Wanted, vm: VirtualMachine) -> tuple[int, int]:
    """The bytes of the time that is asked for; without one all of them, whether times are known or not."""
    if not (asked.span or asked.dated):
        return 0, kept.size
    return kept.between(*log_range.moments(asked, vm.status_started_at))


def shown(kept: KeptLog, start: int, end: int, query: str) -> Context:
    first = max(start, end - MOST_READ)
    data = kept.read(first, end)
    lines = stamped(lines_of(data, query), lambda offset: kept.times.at(first + offset))
    return {
        "lines": lines,
        "cut": first > start,
        "some_unknown": kept.times.known and any(not line.timed for line in lines),
    }


@require_safe
def vm_serial_log(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """All that is kept of it, or of the time that is asked for, as it was printed."""
    vm = _mine_to_read(request, namespace, name_)
    with opened(log_of(vm)) as kept:
        start, end = part_of(kept, log_range.wanted(request.GET), vm)
        data = kept.read(max(start, end - MOST_KEPT), end)
    answer = HttpResponse(data, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{vm.name}-serial.log"'
    return answer


def log_of(vm: VirtualMachine) -> Path:
    return readings.log_of(vm.uid, vm.status_screen.get("serial_log", ""))


def _mine_to_read(request: HttpRequest, namespace: str, name: str) -> VirtualMachine:
    """Reading it is looking into the machine: it needs the right to its console, and is in the audit like one."""
    vm = machine(request, namespace, name)
    require(request.user, Right.CONSOLE, vm.namespace or None)
    readings.note(request, vm.uid, vm.name, vm.namespace)
    return vm

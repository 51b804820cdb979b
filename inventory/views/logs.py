"""What a machine printed on its serial port: to read, to search, to follow and to keep."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from inventory.models import VirtualMachine
from inventory.serial_lines import lines_of
from inventory.showing import one
from inventory.views.finding import machine
from inventory.views.machines import Context, page
from vmconsole.access.rights import Right, require
from vmconsole.gateway import readings
from vmconsole.gateway.serial import tail_of

MOST_KEPT = 8 * 1024 * 1024
MOST_READ = 512 * 1024
MOST_SEARCHED = 100  # characters of a search


@require_safe
def vm_logs(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """The end of the log as lines. A page that follows it gets them again when there is more, and 204 when not."""
    vm = _mine_to_read(request, namespace, name_)
    data = tail_of(log_of(vm), MOST_READ)
    query = request.GET.get("q", "").strip()[:MOST_SEARCHED]
    context: Context = {
        "lines": lines_of(data, query),
        "query": query,
        "mark": f"{crc32(data):08x}",
        "cut": len(data) == MOST_READ,
    }
    if request.headers.get("HX-Target") != "vm-log":
        return page(request, vm, "logs", **context)
    if request.GET.get("mark") == context["mark"]:
        return HttpResponse(status=204)
    return render(request, "inventory/vm_log_lines.html", {"row": one(request.user, vm), **context})


@require_safe
def vm_serial_log(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """All that is kept of it, as it was printed."""
    vm = _mine_to_read(request, namespace, name_)
    answer = HttpResponse(tail_of(log_of(vm), MOST_KEPT), content_type="text/plain; charset=utf-8")
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

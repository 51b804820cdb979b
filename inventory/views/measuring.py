"""Machines by their figures: several side by side, and why one of them is slow."""

from __future__ import annotations

import time
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from inventory.models import VirtualMachine
from inventory.showing import shown
from inventory.views.finding import machine, uid_of, visible
from inventory.views.machines import page
from observability import controller, history
from observability.collector import KEEP, Name
from observability.history import MOST_COMPARED
from observability.slowness import Facts, Level, Points, rank
from vmconsole.access.errors import Unprocessable
from vmconsole.access.views_people import asker
from vmconsole.runtime.models import Node

SLOW_SECONDS = 600.0
OFFERED = 12  # machines to add to a comparison without searching


@require_safe
def vm_compare(request: HttpRequest) -> HttpResponse:
    """`?vm=namespace/name&vm=…`: one that is not theirs is not there. `?uid=…` is what the list's boxes say."""
    if ticked := [uid for text in request.GET.getlist("uid") if (uid := uid_of(text))]:
        return chosen(request, ticked)
    asked = list(dict.fromkeys(request.GET.getlist("vm")))
    added = request.GET.get("add", "").strip()
    if added:
        asked.append(added)
    refuse_too_many(len(asked))
    rows = shown(request.user, [machine(request, *parted(each)) for each in asked])
    machines = [(row.vm.uid, Name(row.vm.namespace, row.vm.name)) for row in rows]
    context = {
        "rows": [
            {"row": row, "without": [other for other in asked if other != told]}
            for row, told in zip(rows, asked, strict=True)
        ],
        "asked": asked,
        "others": others(request, [row.vm.uid for row in rows]) if len(asked) < MOST_COMPARED else [],
        **history.comparison(machines, request.GET),
    }
    return render(request, "inventory/vm_compare.html", context)


def refuse_too_many(number: int) -> None:
    if number > MOST_COMPARED:
        sentence = _("Up to %(most)s machines can be told apart in one chart; these are %(number)s. Take some away.")
        raise Unprocessable(sentence % {"most": MOST_COMPARED, "number": number}, field="vm")


def chosen(request: HttpRequest, uids: list[UUID]) -> HttpResponse:
    """On to the address that says them by name."""
    refuse_too_many(len(uids))
    rows = VirtualMachine.objects.visible_to(asker(request)).filter(uid__in=uids).order_by("name")
    there = f"{request.path}?{urlencode([('vm', said(vm)) for vm in rows])}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": there})
    return redirect(there)


def said(vm: VirtualMachine) -> str:
    return f"{vm.namespace}/{vm.name}" if vm.namespace else f"-/{vm.uid}"


def parted(text: str) -> tuple[str, str]:
    """ "namespace/name"; a machine made outside is "-/uid"."""
    namespace, slash, name = text.partition("/")
    if not slash or not name:
        raise Unprocessable(
            _("“%(text)s” is no machine: write its namespace and its name, as in “default/web-1”.")
            % {"text": text[:80]},
            field="vm",
        )
    return namespace, name


def others(request: HttpRequest, uids: list[Any]) -> list[VirtualMachine]:
    """Running ones to add, the first by name."""
    rows = visible(request).exclude(uid__in=uids).exclude(namespace="").filter(status_power="on")
    return list(rows.only("uid", "namespace", "name").order_by("name", "uid")[:OFFERED])


@require_safe
def vm_slow(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """The last ten minutes, or the piece of the last hour that the URL speaks of."""
    vm = machine(request, namespace, name_)
    now = time.time()
    _span, zoom = history.asked_of(request.GET)
    begin, end = zoom or (now - SLOW_SECONDS, now)
    context: dict[str, Any] = {"zoom": zoom, "begin": begin, "end": end, "too_old": begin < now - KEEP - 60}
    try:
        facts = facts_of(vm, begin, end)
    except controller.Silent:
        return page(request, vm, "slow", **context, silent=True)
    causes = rank(facts)
    groups = {level: list(found) for level, found in groupby(causes, key=lambda cause: cause.level)}
    context |= {
        "known": bool(facts.points),
        "points": len(facts.points),
        "likely": groups.get(Level.BAD, []) + groups.get(Level.WARN, []),
        "unknown": groups.get(Level.UNKNOWN, []),
        "fine": groups.get(Level.OK, []),
        "minutes": max(1, round((end - begin) / 60)),
    }
    return page(request, vm, "slow", **context)


def facts_of(vm: VirtualMachine, begin: float, end: float) -> Facts:
    """Everything that is known of that time: of the machine, of its host, and what the host has given away."""
    points = controller.samples(vm.uid, 0.0)
    node = Node.objects.filter(name=vm.status_node).first() or Node.objects.first()
    return Facts(
        points=within(points, begin, end),
        host=within(controller.host(begin), begin, end),
        before=within(points, 0.0, begin),
        accelerator=vm.status_accelerator,
        vcpus=vm.status_vcpus or 0,
        node_cpus=node.status_cpus if node else 0,
        given_vcpus=node.status_used_vcpus if node else 0,
        node_memory_bytes=node.status_memory_bytes if node else 0,
        given_memory_bytes=node.status_used_memory_bytes if node else 0,
    )


def within(points: Points, begin: float, end: float) -> Points:
    """Without gaps: rows in which nothing is known but their time."""
    there = (point for point in points if begin <= (point["at"] or 0.0) <= end)
    return [point for point in there if set(point.values()) != {point["at"], None}]

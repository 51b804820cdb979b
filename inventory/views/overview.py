"""The first page: is all well, what is used, what happened lately; and for a new console, where to begin."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.cache import cache
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from inventory import fleet
from inventory.navigation import digest, scope
from inventory.search import PROBLEMS
from inventory.showing import shown
from inventory.states import State
from inventory.views.finding import visible
from observability.models import Event
from storage.models import Image
from vmconsole.access.rights import Right, may, namespaces
from vmconsole.access.views_people import asker
from vmconsole.lists import namespace_of
from vmconsole.operations.models import Operation
from vmconsole.runtime.models import Node
from vmconsole.runtime.types import Phase

MOST = 8
MOST_NODES = 4
KEPT_SECONDS = 3  # counting a hundred thousand machines takes a while, and many look at this page
BUSY = (State.PROVISIONING, State.STARTING, State.STOPPING, State.TERMINATING, State.PENDING)


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    within = scope(request)
    sees_cluster = may(request.user, Right.CLUSTER_VIEW, None)
    asked_for = fleet.places_of(request, within, namespace_of(request), sees_cluster=sees_cluster)
    if request.headers.get("HX-Target") == "takers":
        return render(request, "inventory/overview_takers.html", {"takers": fleet.takers(visible(request), asked_for)})
    places = [*within, ""] if sees_cluster else within
    counts = by_state(request, within)
    nodes = list(Node.objects.all()) if sees_cluster else []
    attention = visible(request).filter(status_state__in=PROBLEMS).order_by("name")[:MOST]
    context = {
        "figures": figures(counts),
        "total": sum(counts.values()),
        "attention": shown(request.user, attention),
        "more_attention": max(0, in_states(counts, PROBLEMS) - MOST),
        "troubles": [*(fleet.troubles(nodes) if sees_cluster else []), *fleet.full_disks(visible(request), asked_for)],
        "failures": fleet.unseen_failures(places),
        "takers": fleet.takers(visible(request), asked_for) if counts else [],
        "nodes": nodes[:MOST_NODES],
        "host": fleet.host_now() if len(nodes) == 1 else {},
        "operations": list(Operation.objects.filter(namespace__in=places).order_by("-created_at")[:MOST]),
        "events": Event.objects.filter(namespace__in=within).order_by("-last_at")[:MOST],
        "may_create": bool(namespaces(request.user, Right.EDIT)),
        "demo": None if counts else demo_image(request),
    }
    fragment = request.headers.get("HX-Target") == "overview"
    return render(request, "inventory/overview_body.html" if fragment else "inventory/overview.html", context)


def by_state(request: HttpRequest, within: list[str]) -> dict[str, int]:
    def count() -> dict[str, int]:
        rows = visible(request).order_by().values_list("status_state").annotate(number=Count("uid"))
        return dict(rows)

    known: dict[str, int] = cache.get_or_set(f"states:{digest(within)}", count, KEPT_SECONDS)  # type: ignore[assignment]
    return known


def in_states(counts: dict[str, int], states: Any) -> int:
    return sum(counts.get(str(state), 0) for state in states)


def figures(counts: dict[str, int]) -> list[dict[str, Any]]:
    """The numbers on top, each a link to what it counts."""
    add = partial(in_states, counts)
    return [
        {"title": _("Virtual machines"), "number": sum(counts.values()), "query": "", "tone": ""},
        {"title": _("Running"), "number": add([State.RUNNING]), "query": "state:running", "tone": "ok"},
        {"title": _("Stopped"), "number": add([State.STOPPED]), "query": "state:stopped", "tone": "off"},
        {"title": _("Paused"), "number": add([State.PAUSED]), "query": "state:paused", "tone": "warn"},
        {"title": _("Changing"), "number": add(BUSY), "query": "is:busy", "tone": "busy"},
        {"title": _("Needs attention"), "number": add(PROBLEMS), "query": "is:problem", "tone": "bad"},
    ]


def demo_image(request: HttpRequest) -> Image | None:
    """The image to offer to whoever has no machine yet."""
    ready = Image.objects.visible_to(asker(request)).filter(status_phase=Phase.SUCCEEDED)
    found: Image | None = ready.filter(name__startswith="demo").first() or ready.order_by("name").first()
    return found

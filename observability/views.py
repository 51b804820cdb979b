"""The audit pages: look, narrow down, look closer, take along, verify."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.core.cache import cache
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from observability import (
    audit,
    chain,
    checkpoints,
    consoles,
    differences,
    export,
    history,
    looks,
    subjects,
    wording,
)
from observability.charts import CHARTS
from observability.filters import AuditFilter, AuditPageFilter
from observability.models import AuditEntry, AuditQuerySet
from observability.queries import AUDIT
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import Denied, NotFound, Unprocessable
from vmconsole.access.rights import Right, may, namespaces, require

PAGE = 50
VERIFY_AT_ONCE = 20_000  # about half a second: others wait for this thread
ACTIONS_KEPT_SECONDS = 60
SELECTED = ("action", "phase", "namespace", "span", "since", "until")  # what has a field of its own beside the search


def readable(user: Any) -> AuditQuerySet:
    """What this person may read, or a refusal when that is nothing."""
    if not (may(user, Right.AUDIT_READ, None) or namespaces(user, Right.AUDIT_READ)):
        raise Denied(
            _("The audit log is for administrators."),
            fix=_("Ask an administrator of your namespace to look for you."),
        )
    entries: AuditQuerySet = AuditEntry.objects.visible_to(user)
    return entries


Found = TypeVar("Found", bound=AuditFilter)


def narrowed(request: HttpRequest, kind: type[Found]) -> Found:
    found = kind(request.GET, queryset=readable(request.user))
    if not found.is_valid():
        field, errors = next(iter(found.errors.items()))
        raise Unprocessable(f"{field}: {' '.join(errors)}", field=field)
    return found


def asked_of(request: HttpRequest, found: AuditFilter) -> dict[str, str]:
    return {name: request.GET[name] for name in found.filters if request.GET.get(name)}


@require_GET
def audit_list(request: HttpRequest) -> HttpResponse:
    found = narrowed(request, AuditPageFilter)
    asked = asked_of(request, found)
    before = request.GET.get("before", "")
    entries = found.qs.filter(id__lt=int(before)) if before.isdecimal() and len(before) < 19 else found.qs
    page = list(entries.order_by("-id")[: PAGE + 1])
    more = len(page) > PAGE
    looks.note(request, "audit_read", str(sorted(asked.items())), extra={"filter": asked})
    context = {
        "entries": page[:PAGE],
        "before": page[PAGE - 1].id if more else None,
        "paged": bool(before),
        "asked": asked,
        "query": asked.get("q", ""),
        "said": " ".join(value if name == "q" else f"{name}:{value}" for name, value in asked.items()),
        "complaints": found.complaints,
        "kept": [(name, value) for name, value in asked.items() if name not in (*SELECTED, "q")],
        "filter": found.form,
        "actions": [(name, wording.did(name)) for name in actions()],
        "names": namespaces(request.user, Right.AUDIT_READ),
        "lessons": AUDIT.lessons,
        "sees_all": may(request.user, Right.AUDIT_READ, None),
        "checkpoint": checkpoints.newest(),
    }
    return render(request, "observability/audit_list.html", context)


def actions() -> list[str]:
    """Every action there is an entry of. Not secret, and slow to find among millions, so kept for a minute."""
    known: list[str] = cache.get_or_set(
        "audit-actions",
        lambda: list(AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()),
        ACTIONS_KEPT_SECONDS,
    )  # type: ignore[assignment]
    return known


@require_GET
def audit_entry(request: HttpRequest, number: int) -> HttpResponse:
    """One entry, for the side panel."""
    entry = readable(request.user).filter(id=number).first()
    if entry is None:
        raise NotFound(_("There is no such entry, or it is not yours to read."))
    context = {
        "entry": entry,
        "diff": differences.lines(entry.changes),
        "session": consoles.of(entry),
        "may_replay": may(request.user, Right.CONSOLE, entry.namespace or None),
    }
    return render(request, "observability/audit_entry.html", context)


@require_GET
def audit_consoles(request: HttpRequest) -> HttpResponse:
    """Who sat at which screen or serial port, from when to when, and how much went through."""
    before = request.GET.get("before", "")
    number = int(before) if before.isdecimal() and len(before) < 19 else None
    sessions = consoles.sessions(readable(request.user), number, PAGE + 1)
    looks.note(request, "audit_read", "consoles", extra={"filter": {"action": "console"}})
    places = {each.start.namespace for each in sessions}
    context = {
        "sessions": sessions[:PAGE],
        "before": sessions[PAGE - 1].start.id if len(sessions) > PAGE else None,
        "paged": bool(before),
        "replayed": {place for place in places if may(request.user, Right.CONSOLE, place or None)},
    }
    return render(request, "observability/audit_consoles.html", context)


@require_GET
def audit_export(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    """The filtered log as a file. Taking it along is an action of its own, with its own entry."""
    found = narrowed(request, AuditFilter)
    audit.record(
        actor_of(request),
        "audit_export",
        kind="AuditLog",
        uid=None,
        name=kind,
        namespace=request.GET.get("namespace", ""),
        phase=audit.Phase.ACCEPTED,
        extra={"filter": asked_of(request, found)},
    )
    answer = StreamingHttpResponse(export.stream(found.qs, kind), content_type=export.TYPES[kind])
    name = f"audit-{timezone.now():%Y%m%d-%H%M%S}.{kind}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_GET
def audit_checkpoints(request: HttpRequest) -> FileResponse:
    """The sealed checkpoints, to keep where whoever owns this host cannot reach them."""
    require(request.user, Right.AUDIT_READ, None)
    try:
        file = checkpoints.path().open("rb")
    except OSError as error:
        raise NotFound(_("There are no checkpoints outside the database yet.")) from error
    audit.record(
        actor_of(request), "audit_checkpoints", kind="AuditLog", uid=None, name="", namespace="",
        phase=audit.Phase.ACCEPTED,
    )  # fmt: skip
    name = f"audit-checkpoints-{timezone.now():%Y%m%d-%H%M%S}.jsonl"
    return FileResponse(file, as_attachment=True, filename=name, content_type=export.TYPES["jsonl"])


@require_POST
def audit_verify(request: HttpRequest) -> HttpResponse:
    """Follow the chain a part at a time: the answer asks for the next part by itself, and shows how far it is."""
    readable(request.user)
    after = number(request.POST.get("after"))
    so_far = number(request.POST.get("checked"))
    if not after:
        audit.record(
            actor_of(request), "audit_verify", kind="AuditLog", uid=None, name="", namespace="",
            phase=audit.Phase.ACCEPTED,
        )  # fmt: skip
    verdict = chain.verify(after, VERIFY_AT_ONCE)
    newest = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
    context = {"verdict": verdict, "checked": so_far + verdict.checked, "newest": newest, "now": timezone.now()}
    return render(request, "observability/audit_verdict.html", context)


def number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


@require_GET
def metric_table(request: HttpRequest, uid: UUID, metric: str) -> HttpResponse:
    """A chart's figures as a table, for who cannot see the chart."""
    name = subjects.find(uid)
    if name is None or metric not in CHARTS:
        raise NotFound(_("There is nothing here that you can see."))
    require(request.user, Right.VIEW, name.namespace)
    span, zoom = history.asked_of(request.GET)
    answer = history.chart(uid, name, metric, span, zoom=zoom)
    return render(request, "observability/metric_table.html", history.table(answer))

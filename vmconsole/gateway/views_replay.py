"""Replaying a console session: for who may read the audit and may use that console, because it is both."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from observability import consoles, looks
from observability.consoles import Sitting
from observability.views import readable
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, require
from vmconsole.gateway import readings, replay, targets
from vmconsole.gateway.replay import Part


def sat(request: HttpRequest, number: int) -> Sitting:
    """The session that this entry began; looking at it is in the audit, once."""
    entry = readable(request.user).filter(id=number).first()
    sitting = consoles.of(entry) if entry else None
    if entry is None or sitting is None:
        raise NotFound(_("There is no such entry, or it is not yours to read."))
    require(request.user, Right.CONSOLE, entry.namespace or None)
    about = {"kind": "Console", "uid": entry.uid, "name": entry.name, "namespace": entry.namespace}
    looks.note(
        request, "console_replay", str(sitting.start.id),
        extra={"session": sitting.start.details.get("session", ""), "entry": sitting.start.id}, **about,
    )  # fmt: skip
    return sitting


def printed(sitting: Sitting) -> Part | None:
    """What the port printed meanwhile, or None when that is not kept."""
    if not sitting.recorded:
        return None
    uid = UUID(sitting.start.uid)
    target = targets.find(uid)
    log = readings.log_of(uid, target.serial_log if target else "")
    return replay.between(log, sitting.start.details, sitting.told, sitting.start.at.timestamp())


@require_GET
def replay_page(request: HttpRequest, number: int) -> HttpResponse:
    sitting = sat(request, number)
    part = printed(sitting)
    return render(request, "gateway/replay.html", {"each": sitting, "part": part})


@require_GET
def replay_log(request: HttpRequest, number: int) -> HttpResponse:
    """The bytes as they were printed, to play them with what was there before: hostile, so never a page."""
    sitting = sat(request, number)
    part = kept(sitting)
    data = part.before + part.data if "before" in request.GET else part.data
    answer = HttpResponse(data, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="console-{sitting.start.id}.log"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_GET
def replay_steps(request: HttpRequest, number: int) -> HttpResponse:
    """When those bytes were printed: how many were there after how many seconds; null where nobody knows."""
    part = kept(sat(request, number))
    steps = None if part.steps is None else [(length, round(at, 2)) for length, at in part.steps]
    return JsonResponse({"before": len(part.before), "steps": steps}, headers={"Cache-Control": "no-store"})


def kept(sitting: Sitting) -> Part:
    part = printed(sitting)
    if part is None:
        raise NotFound(_("What was printed in this session is not kept any more."))
    return part

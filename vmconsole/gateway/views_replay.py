"""Replaying a console session: for who may read the audit and may use that console, because it is both."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from observability import consoles, looks
from observability.consoles import Sitting
from observability.views import readable
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, require
from vmconsole.gateway import readings, replay, targets


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


def printed(sitting: Sitting) -> bytes | None:
    """What the port printed meanwhile, or None when that is not kept."""
    if not sitting.recorded:
        return None
    uid = UUID(sitting.start.uid)
    target = targets.find(uid)
    log = readings.log_of(uid, target.serial_log if target else "")
    return replay.between(log, sitting.start.details, sitting.told)


@require_GET
def replay_page(request: HttpRequest, number: int) -> HttpResponse:
    sitting = sat(request, number)
    data = printed(sitting)
    context = {"each": sitting, "kept": data is not None, "bytes": len(data or b"")}
    return render(request, "gateway/replay.html", context)


@require_GET
def replay_log(request: HttpRequest, number: int) -> HttpResponse:
    """The bytes as they were printed: hostile, so they are a file and never a page."""
    sitting = sat(request, number)
    data = printed(sitting)
    if data is None:
        raise NotFound(_("What was printed in this session is not kept any more."))
    answer = HttpResponse(data, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="console-{sitting.start.id}.log"'
    answer["Cache-Control"] = "no-store"
    return answer

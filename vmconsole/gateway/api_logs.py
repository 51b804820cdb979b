"""/api/v1/logs: what a machine printed on its serial port: from a byte or a time on, its end, with a word, as a file.

Reading it needs the right to its console.
"""

from __future__ import annotations

import os
import stat
from math import inf
from pathlib import Path
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from vmconsole.access.authentication import person
from vmconsole.access.errors import NotFound, Unprocessable
from vmconsole.access.rights import Right, require
from vmconsole.gateway import readings, targets
from vmconsole.gateway.kept_log import opened
from vmconsole.gateway.moments import moment_of

MOST = 1 << 20


class LogQuery(serializers.Serializer[Any]):
    offset = serializers.IntegerField(min_value=0, default=0, help_text="The byte to begin at.")
    limit = serializers.IntegerField(
        min_value=1,
        max_value=MOST,
        required=False,
        help_text=f"Bytes; {MOST} if not given. With `since` or `until` the last so many of them; all if not given.",
    )
    tail = serializers.IntegerField(
        min_value=1, max_value=10_000, required=False, help_text="Only so many of the last lines; `offset` is ignored."
    )
    since = serializers.CharField(
        max_length=40,
        required=False,
        help_text="Only the lines printed from then on, also those in older files of the log; `offset` is ignored. "
        "RFC 3339 (2026-11-27T10:00:00Z), or how long ago (10m, 1h30m).",
    )
    until = serializers.CharField(
        max_length=40, required=False, help_text="Only the lines printed up to then; written like `since`."
    )
    q = serializers.CharField(max_length=200, required=False, help_text="Only the lines that have this text.")
    download = serializers.BooleanField(default=False, help_text="As a file to keep.")


class SerialLogView(APIView):
    """The bytes from `offset` on, as they were printed. `X-Log-End` is where to go on.

    A log that was begun anew is shorter than the offset; then it is read from its beginning. Where it is not known
    when what was printed, asking for a time is refused with 409.
    """

    @extend_schema(operation_id="logs_get", parameters=[LogQuery], responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request, uid: UUID) -> HttpResponse:
        asked = LogQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        target = targets.find(uid)
        if target is None:
            raise NotFound(_("There is nothing here that you can see."))
        require(person(request), Right.CONSOLE, target.namespace)
        readings.note(request, uid, target.name, target.namespace)
        kept = readings.log_of(uid, target.serial_log)
        data, end = chosen(kept, asked.validated_data)
        answer = HttpResponse(data, content_type="text/plain; charset=utf-8")
        if asked.validated_data["download"]:
            answer["Content-Disposition"] = f'attachment; filename="{uid}-serial.log"'
        answer["X-Log-End"] = str(end)
        answer["Cache-Control"] = "no-store"
        return answer


def chosen(log: Path, told: dict[str, Any]) -> tuple[bytes, int]:
    """The lines that were asked for, and the byte where what was looked at ends."""
    lines = told.get("tail")
    if "since" in told or "until" in told:
        since = moment_of(told["since"], "since") if "since" in told else -inf
        until = moment_of(told["until"], "until") if "until" in told else inf
        data, end = printed(log, since, until, told.get("limit"))
    else:
        limit = told.get("limit", MOST)
        data, end = piece_of(log, -limit if lines else told["offset"], limit)
    if word := told.get("q", "").lower().encode():
        data = b"".join(line for line in data.splitlines(keepends=True) if word in line.lower())
    return (b"".join(data.splitlines(keepends=True)[-lines:]) if lines else data), end


def printed(log: Path, since: float, until: float, limit: int | None) -> tuple[bytes, int]:
    """What was printed in that time, and where that ends in the newest file."""
    if since > until:
        raise Unprocessable(_("“until” must be later than “since”."), field="until")
    with opened(log) as kept:
        start, end = kept.between(since, until)
        return kept.read(max(start, end - limit) if limit else start, end), kept.in_newest(end)


def piece_of(log: Path, offset: int, limit: int) -> tuple[bytes, int]:
    """The bytes, and where they end; below nought the offset counts from the end. What never ran has an empty log.

    Of a machine made outside, the name comes from elsewhere: nothing but a file is read, and no link is followed.
    """
    try:
        file = os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b"", 0
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            return b"", 0
        start = max(0, about.st_size + offset) if offset < 0 else offset if offset <= about.st_size else 0
        data = os.pread(file, limit, start)
        return data, start + len(data)
    finally:
        os.close(file)

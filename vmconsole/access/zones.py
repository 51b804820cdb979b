"""The reader's time zone: the one they chose, else their browser's, which its scripts tell in a cookie.

Only what people read or type as a day goes by it. Everything that programs read, and what is stored, stays UTC, so
Django's own current zone is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, tzinfo
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse

COOKIE = "zone"
BROWSERS = "browser"  # in the form: no zone of one's own
_NOW: ContextVar[tzinfo] = ContextVar("zone", default=UTC)


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Places, as people know their zone: Asia/Tokyo; and UTC."""
    return frozenset(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")) | {"UTC"}


@lru_cache(maxsize=1)
def grouped() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """By continent, for the form."""
    by_place = groupby(sorted(names() - {"UTC"}), key=lambda name: name.partition("/")[0])
    return tuple((place, tuple(found)) for place, found in by_place)


def here() -> tzinfo:
    """The zone of whoever reads this answer."""
    return _NOW.get()


def zone_of(request: HttpRequest) -> tzinfo:
    name = getattr(request.user, "time_zone", "") or request.COOKIES.get(COOKIE, "")
    return ZoneInfo(name) if name in names() and name != "UTC" else UTC


class ReadersZone:
    """Middleware: sets the zone for one request. Programs, which bring a token and no session, get UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _NOW.set(zone_of(request))
        try:
            return self.get_response(request)
        finally:
            _NOW.reset(token)

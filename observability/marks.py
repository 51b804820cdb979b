"""What happened to a machine, as marks on the time axis of its charts.

Who knows what was asked of machines stands above this app, and registers: see `register`. Warnings are known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from observability.models import Event

MOST = 100


class Kind(StrEnum):
    BOOT = "boot"
    STOP = "stop"
    CRASH = "crash"
    CHANGE = "change"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Mark:
    """`text` is one sentence of what happened; `reason` one word for programs."""

    at: float  # Unix seconds
    kind: Kind
    reason: str
    text: str
    level: str = "Normal"


Source = Callable[[UUID, datetime, datetime], Iterable[Mark]]
_sources: list[Source] = []


def register(source: Source) -> None:
    if source not in _sources:
        _sources.append(source)


def find(uid: UUID, begin: float, end: float) -> list[Mark]:
    """Oldest first; the newest ones when there are too many to tell apart."""
    first, last = datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)
    found = [mark for source in _sources for mark in source(uid, first, last)]
    if not _sources:
        found = [of_event(event, Kind.OTHER) for event in events_between(uid, first, last)]
    return sorted((mark for mark in found if begin <= mark.at <= end), key=lambda mark: mark.at)[-MOST:]


def events_between(uid: UUID, first: datetime, last: datetime) -> list[Event]:
    rows = Event.objects.filter(uid=str(uid), last_at__gte=first, last_at__lte=last)
    return list(rows.order_by("-last_at")[:MOST])


def of_event(event: Event, kind: Kind) -> Mark:
    return Mark(event.last_at.timestamp(), kind, event.reason, event.message, event.level)

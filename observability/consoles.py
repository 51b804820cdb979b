"""Console sessions out of the audit: its start and its end are two entries, which name the same session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from observability.models import AuditEntry, AuditQuerySet, Phase

ACTIONS = ("console.vnc", "console.serial")
MOST_ENDS = 5000  # looked through for the ends of one page; a session that is older than so many others stays open


@dataclass(frozen=True, slots=True)
class Sitting:
    """Somebody at a screen or a serial port. `end` is None while they sit there, or where nothing says how it ended."""

    start: AuditEntry
    end: AuditEntry | None

    @property
    def serial(self) -> bool:
        return self.start.action == "console.serial"

    @property
    def ended_at(self) -> datetime | None:
        return self.end.at if self.end else None

    @property
    def seconds(self) -> float | None:
        return round((self.end.at - self.start.at).total_seconds(), 1) if self.end else None

    @property
    def told(self) -> dict[str, Any]:
        return self.end.details if self.end else {}

    @property
    def recorded(self) -> bool:
        """Whether it is known which part of the serial log was printed meanwhile."""
        return self.serial and "log_at" in self.start.details


def sessions(entries: AuditQuerySet, before: int | None, most: int) -> list[Sitting]:
    """The latest first, from `before` on."""
    found = entries.filter(action__in=ACTIONS, phase=Phase.STARTED)
    starts = list((found.filter(id__lt=before) if before else found).order_by("-id")[:most])
    if not starts:
        return []
    ends = entries.filter(action__in=ACTIONS, phase=Phase.ENDED, id__gt=starts[-1].id).order_by("id")
    by_session = {end.details.get("session"): end for end in ends[:MOST_ENDS]}
    return [Sitting(start, by_session.get(start.details.get("session"))) for start in starts]


def of(entry: AuditEntry) -> Sitting | None:
    """The session that this entry begins or ends."""
    if entry.action not in ACTIONS or entry.phase not in (Phase.STARTED, Phase.ENDED):
        return None
    name = entry.details.get("session")
    same = AuditEntry.objects.filter(uid=entry.uid, action=entry.action)
    if entry.phase == Phase.STARTED:
        ends = same.filter(phase=Phase.ENDED, id__gt=entry.id).order_by("id")[:MOST_ENDS]
        return Sitting(entry, next((end for end in ends if end.details.get("session") == name), None))
    starts = same.filter(phase=Phase.STARTED, id__lt=entry.id).order_by("-id")[:MOST_ENDS]
    start = next((start for start in starts if start.details.get("session") == name), None)
    return Sitting(start, entry) if start else None

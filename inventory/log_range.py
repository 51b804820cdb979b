"""Which part of the time somebody wants to read a serial log of: one of the usual spans, or from and to.

What is typed is meant in the reader's zone, which the page names beside the fields.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from vmconsole.access import zones
from vmconsole.access.errors import Unprocessable

SPANS = {"10m": 600, "1h": 3_600, "1d": 86_400}
BOOT = "boot"
TITLES = (
    ("", gettext_lazy("All")),
    ("10m", gettext_lazy("10 minutes")),
    ("1h", gettext_lazy("1 hour")),
    ("1d", gettext_lazy("1 day")),
    (BOOT, gettext_lazy("Since the last start")),
)
LONGEST = 19  # characters of 2026-11-27T10:00:00
BEFORE_START = 2.0  # seconds; the start is noted a moment after the firmware's first words


@dataclass(frozen=True, slots=True)
class Wanted:
    """As it was asked for. `begin` and `end` are what was typed."""

    span: str
    begin: str
    end: str

    @property
    def address(self) -> str:
        """The same again, for a URL."""
        asked = {"span": self.span, "from": self.begin, "to": self.end}
        return urlencode({name: value for name, value in asked.items() if value})

    @property
    def said(self) -> str:
        return " – ".join(text.replace("T", " ") or "…" for text in (self.begin, self.end))

    @property
    def dated(self) -> bool:
        return bool(self.begin or self.end)


def wanted(query: Mapping[str, str]) -> Wanted:
    span = query.get("span", "")
    return Wanted(
        span if span in SPANS or span == BOOT else "", query.get("from", "")[:LONGEST], query.get("to", "")[:LONGEST]
    )


def moments(asked: Wanted, started_at: datetime | None) -> tuple[float, float]:
    """From when to when, as Unix seconds."""
    if asked.dated:
        since = typed(asked.begin, "from") if asked.begin else -inf
        until = typed(asked.end, "to") if asked.end else inf
        if since > until:
            raise Unprocessable(_("“To” must be later than “From”."), field="to")
        return since, until
    if asked.span == BOOT:
        if started_at is None:
            raise Unprocessable(_("The machine is off, so it is not known when it was started."), field="span")
        return started_at.timestamp() - BEFORE_START, inf
    return (time.time() - SPANS[asked.span] if asked.span else -inf), inf


def typed(text: str, field: str) -> float:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zones.here())).timestamp()
    except (ValueError, OverflowError):
        raise Unprocessable(
            _("“%(text)s” is no day and time. Write it like 2026-11-27T10:00.") % {"text": text}, field=field
        ) from None

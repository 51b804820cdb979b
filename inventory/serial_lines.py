"""What a guest printed on its serial port, as lines that a page may show.

The bytes are the guest's: escape sequences and control characters go, endless lines are cut, and what is shown is text
for the template to escape. Kernels and installers redraw a line by returning to its beginning; the last drawing counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from django.utils.formats import date_format

from vmconsole.access import zones

MOST_LINES = 2_000
MOST_CHARS = 2_000
REPEATED = 20  # lines after which the same time is told again, so that there is one in sight
# ECMA-48: control sequences, operating system commands and the like up to their end, and two-character escapes.
ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line in pieces: every second one is what was searched for. `offset` is the byte it begins at."""

    number: int
    parts: tuple[str, ...]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Timed:
    """A line with its time, as far as it is known, unless a line just above has the same one.

    `day` stands above the first line of a day. All in the reader's zone, but `utc`.
    """

    line: Line
    timed: bool
    clock: str = ""
    utc: str = ""
    day: str = ""


def lines_of(data: bytes, query: str = "") -> list[Line]:
    """The last lines, oldest first, numbered from 1; with `query` only those that have it, whatever its case."""
    texts = data.split(b"\n")
    offsets = accumulate((len(text) + 1 for text in texts), initial=0)
    numbered = list(enumerate(zip(texts, offsets, strict=False), 1))
    if not texts[-1]:
        numbered.pop()
    pattern = re.compile(f"({re.escape(query)})", re.IGNORECASE) if query else None
    found = []
    for number, (text, offset) in numbered if pattern else numbered[-MOST_LINES:]:
        shown = cleaned(text.decode("utf-8", "replace"))
        parts = tuple(pattern.split(shown)) if pattern else (shown,)
        if pattern is None or len(parts) > 1:
            found.append(Line(number, parts, offset))
    return found[-MOST_LINES:]


def stamped(lines: Sequence[Line], at: Callable[[int], float | None]) -> list[Timed]:
    """The lines with when they began to be printed: `at` tells it of a byte."""
    found, before, told, day, zone = [], -1, 0, None, zones.here()
    for line in lines:
        moment = at(line.offset)
        if moment is None:
            found.append(Timed(line, timed=False))
            before = -1
        elif int(moment) == before and len(found) - told < REPEATED:
            found.append(Timed(line, timed=True))
        else:
            before, told = int(moment), len(found)
            here = datetime.fromtimestamp(before, zone)
            utc = f"{here.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
            found.append(Timed(line, True, f"{here:%H:%M:%S}", utc, "" if here.date() == day else date_format(here)))
            day = here.date()
    return found


def cleaned(text: str) -> str:
    text = ESCAPES.sub("", text).rstrip("\r").rpartition("\r")[2]
    text = CONTROLS.sub("", text).expandtabs(8)
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]} …"

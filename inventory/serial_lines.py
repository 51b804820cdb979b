"""What a guest printed on its serial port, as lines that a page may show.

The bytes are the guest's: escape sequences and control characters go, endless lines are cut, and what is shown is text
for the template to escape. Kernels and installers redraw a line by returning to its beginning; the last drawing counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_LINES = 2_000
MOST_CHARS = 2_000
# ECMA-48: control sequences, operating system commands and the like up to their end, and two-character escapes.
ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line in pieces: every second one is what was searched for."""

    number: int
    parts: tuple[str, ...]


def lines_of(data: bytes, query: str = "") -> list[Line]:
    """The last lines, oldest first, numbered from 1; with `query` only those that have it, whatever its case."""
    texts = [cleaned(text) for text in data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")]
    if texts and not texts[-1]:
        texts.pop()
    pattern = re.compile(f"({re.escape(query)})", re.IGNORECASE) if query else None
    found = []
    for number, text in enumerate(texts, 1):
        parts = tuple(pattern.split(text)) if pattern else (text,)
        if pattern is None or len(parts) > 1:
            found.append(Line(number, parts))
    return found[-MOST_LINES:]


def cleaned(text: str) -> str:
    text = ESCAPES.sub("", text).rstrip("\r").rpartition("\r")[2]
    text = CONTROLS.sub("", text).expandtabs(8)
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]} …"

"""Names of several machines written as one: `web-{1..5}`. Pure.

One pair of braces and two numbers, as shells have it; a leading zero keeps the width: `web-{08..12}`.
"""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import count

MOST_AT_ONCE = 50
LONGEST = 63
PATTERN = re.compile(r"([^{}]*)\{(\d{1,9})\.\.(\d{1,9})\}([^{}]*)")
NUMBERED = re.compile(r"(.*?)-?\d*")


def _(sentence: str) -> str:
    """Marks a sentence for translation, as gettext_noop does, without importing Django."""
    return sentence


class BadPattern(ValueError):
    """What was written is no pattern. The message is a sentence for people."""


def names_of(text: str) -> list[str]:
    """The names that the text stands for: itself, or one for each number of its pattern."""
    if not any(brace in text for brace in "{}"):
        return [text]
    found = PATTERN.fullmatch(text)
    if found is None:
        raise BadPattern(_("Write several names as web-{1..5}: one pair of braces with two numbers."))
    before, first, last, after = found.groups()
    if int(first) > int(last):
        raise BadPattern(_("The first number of the pattern is the smaller one: web-{1..5}."))
    if int(last) - int(first) >= MOST_AT_ONCE:
        raise BadPattern(_("At most 50 machines can be made at once. Write a shorter pattern."))
    width = len(first) if first.startswith("0") else 0
    return [f"{before}{number:0{width}d}{after}" for number in range(int(first), int(last) + 1)]


def free_name(like: str, taken: Container[str]) -> str:
    """The next name after `like` that nobody has: web-2 after web-1, web-1 after web."""
    found = NUMBERED.fullmatch(like)
    base = (found.group(1) if found else "")[: LONGEST - 12].strip("-.") or "vm"
    return next(name for number in count(1) if (name := f"{base}-{number}") not in taken)

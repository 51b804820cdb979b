"""Moments as people ask for them in a URL: a time with its zone, or how long ago."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import datetime

from django.utils.translation import gettext as _

from vmconsole.access.errors import Unprocessable

LENGTHS = (86_400, 3_600, 60, 1)
AGO = re.compile(r"(?=\d)(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s)?")


def moment_of(text: str, field: str) -> float:
    """Unix seconds of `2026-11-27T10:00:00Z`, or of `1h30m` ago."""
    if found := AGO.fullmatch(text):
        return time.time() - sum(int(each or 0) * length for each, length in zip(found.groups(), LENGTHS, strict=True))
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that nobody escaped in a URL
        if at.tzinfo is not None:
            return at.timestamp()
    raise Unprocessable(
        _("“%(text)s” is no moment. Write a time with its zone, or how long ago: 2026-11-27T10:00:00Z, 10m, 1h30m, 2d.")
        % {"text": text[:40]},
        field=field,
    )

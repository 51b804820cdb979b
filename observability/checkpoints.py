"""Sealed notes of where the audit chain ended, in a file beside the database and not in it.

One JSON object a line, so that it can be shipped off the host with any log shipper and checked there by eye.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

EVERY_ENTRIES = 1000
EVERY_SECONDS = 600
AT_LEAST_EVERY = 86_400  # also when nothing happened: that is worth a seal too
MODE = 0o640


def path() -> Path:
    return Path(settings.STATE) / "audit" / "audit-checkpoints.jsonl"


def load(is_sealed: Callable[[int, str, str], bool]) -> tuple[dict[int, str], list[str]]:
    """Entry number -> hash of every checkpoint with our seal, and sentences about what could not be used."""
    marks: dict[int, str] = {}
    bad = 0
    try:
        lines = path().read_text().splitlines()
    except FileNotFoundError:
        return {}, [_("There are no checkpoints outside the database yet.")]
    except OSError as error:
        return {}, [_("The checkpoints cannot be read: %(why)s.") % {"why": error.strerror}]
    for line in lines:
        try:
            mark = json.loads(line)
            number, digest, seal = int(mark["id"]), str(mark["hash"]), str(mark["seal"])
        except (ValueError, KeyError, TypeError):
            bad += 1
            continue
        if is_sealed(number, digest, seal):
            marks[number] = digest
        else:
            bad += 1
    return marks, [_("%(count)s checkpoints do not bear our seal.") % {"count": bad}] if bad else []


def add(number: int, digest: str, seal: str) -> bool:
    """Append one, unless the last is recent and near. One a day at the least."""
    now = timezone.now()
    if (last := newest()) is not None:
        last_number, last_at = last
        far = number - last_number >= EVERY_ENTRIES
        age = (now - last_at).total_seconds()
        moved = number != last_number and (far or age >= EVERY_SECONDS)
        if not moved and age < AT_LEAST_EVERY:
            return False
    line = json.dumps({"at": now.isoformat(), "id": number, "hash": digest, "seal": seal})
    place = path()
    place.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, MODE)
    try:
        os.write(handle, line.encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    return True


def newest() -> tuple[int, datetime] | None:
    """Number and time of the last line, or None."""
    try:
        with path().open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - 4096, 0))
            mark = json.loads(file.read().splitlines()[-1])
        at = parse_datetime(mark["at"])
        return (int(mark["id"]), at) if at else None
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None

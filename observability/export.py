"""The audit log as a file: JSON lines that can be verified elsewhere, CSV that is safe to open, and CEF for a SIEM.

Streamed page by page, newest last, so that a million entries need no memory and no open transaction.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.db.models import QuerySet

from observability import cef, rules
from observability.models import HASHED, AuditEntry

PAGE = 1000
COLUMNS = [*HASHED, "hash"]
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "cef": "text/plain; charset=utf-8",
}


async def stream(entries: QuerySet[AuditEntry], kind: str) -> AsyncIterator[bytes]:
    """The file, in pieces. `kind` is one of TYPES."""
    written = {"csv": lambda page: as_csv(cells(page)), "jsonl": as_jsonl, "cef": cef.lines}[kind]
    if kind == "csv":
        yield as_csv([COLUMNS])
    after = 0
    while page := [entry async for entry in entries.filter(id__gt=after).order_by("id")[:PAGE]]:
        yield written(page)
        after = page[-1].id


def as_jsonl(page: list[AuditEntry]) -> bytes:
    """Each line is what was hashed, and the hash: sha256 of the line's canonical JSON without `hash`."""
    return "".join(rules.canonical(entry.fields() | {"hash": entry.hash}) + "\n" for entry in page).encode()


def cells(page: list[AuditEntry]) -> Iterator[list[str]]:
    for entry in page:
        fields: dict[str, Any] = entry.fields() | {"hash": entry.hash}
        yield [inert(fields[column]) for column in COLUMNS]


def inert(value: object) -> str:
    """A cell that a spreadsheet shows and does not run."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "|", "%")) else text


def as_csv(rows: Any) -> bytes:
    sheet = io.StringIO()
    csv.writer(sheet, lineterminator="\r\n").writerows(rows)
    return sheet.getvalue().encode()

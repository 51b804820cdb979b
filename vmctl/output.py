"""How things are shown: aligned columns, YAML, JSON or names, to a person's terminal or to a pipe.

Columns are plain text as kubectl prints them, so that `awk` and eyes both get along, and wide (Japanese) letters count
twice. Nothing of a stranger's reaches a terminal with its control characters.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import typer

from vmctl.errors import clean
from vmctl.options import Format
from vmctl.words import _

GAP = 3


def say(text: str) -> None:
    typer.echo(clean(text))


def note(text: str) -> None:
    """For people beside the result: progress, warnings."""
    typer.echo(clean(text), err=True)


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def columns(heads: Sequence[str], rows: Iterable[Sequence[object]], *, headless: bool = False) -> str:
    shown = [] if headless else [list(heads)]
    shown += [[" ".join(clean(cell, keep="").split()) for cell in row] for row in rows]
    if not shown:
        return ""
    widths = [max(width(row[number]) for row in shown) for number in range(len(shown[0]))]
    lines = []
    for row in shown:
        cells = [cell + " " * (widths[number] - width(cell) + GAP) for number, cell in enumerate(row)]
        lines.append("".join(cells).rstrip())
    return "\n".join(lines)


def dump(value: Any, form: Format) -> str:
    if form is Format.JSON:
        import json

        text = json.dumps(value, indent=4, ensure_ascii=False)
        return re.sub("[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)  # JSON allows these, terminals obey
    return dump_yaml(value)


def dump_yaml(value: Any) -> str:
    import yaml

    text: str = yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=1 << 16)
    return text.rstrip("\n")


def show_rows(
    rows: list[dict[str, Any]], heads: dict[str, str], form: Format, *, wide: Sequence[str] = (), name: str = "uid"
) -> None:
    """Rows of one of our own lists. `heads`: field -> heading; those in `wide` only with -o wide."""
    if form in (Format.JSON, Format.YAML):
        typer.echo(dump(rows, form))
    elif form is Format.NAME:
        for row in rows:
            say(str(row.get(name, "")))
    elif not rows:
        note(_("There is nothing."))
    else:
        fields = [field for field in heads if form is Format.WIDE or field not in wide]
        say(columns([heads[field] for field in fields], ([cell(row, field) for field in fields] for row in rows)))


def cell(row: dict[str, Any], field: str) -> str:
    """A field as a person reads it; `_at` fields are moments, `a.b` goes inside."""
    value: Any = row
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ",".join(map(str, value))
    return age(str(value)) if field.endswith("_at") or field == "at" else str(value)


def age(moment: str, now: datetime | None = None) -> str:
    """How long ago (or until): 45s, 12m, 5h, 3d."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    seconds = int(((now or datetime.now(UTC)) - then).total_seconds())
    if seconds < 0:
        return _("in %(time)s") % {"time": age(moment, then + (then - (now or datetime.now(UTC))))}
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size or (unit != "m" and seconds >= size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()

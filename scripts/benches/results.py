"""Results of a bench: shown as a table, kept as JSON for docs/benchmarks.md."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured thing. `anchor` is what it is held against; `limit` is the promise about `value`."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    detail: str = ""

    @property
    def kept(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def show(title: str, figures: list[Figure], json_file: Path | None = None) -> bool:
    """Print them, write them, and say whether every promise is kept."""
    table = Table(title=title)
    for column in ("figure", "value", "promise", "", "detail"):
        table.add_column(column)
    for figure in figures:
        sign = "≥" if figure.at_least else "≤"
        promise = "" if figure.limit is None else f"{sign} {figure.limit:g} {figure.unit}"
        mark = {True: "kept", False: "MISSED", None: ""}[figure.kept]
        table.add_row(figure.name, f"{figure.value:.3g} {figure.unit}", promise, mark, figure.detail)
    Console().print(table)
    if json_file is not None:
        rows = [{**asdict(figure), "kept": figure.kept} for figure in figures]
        json_file.write_text(json.dumps({"title": title, "figures": rows}, indent=1) + "\n")
    return all(figure.kept is not False for figure in figures)

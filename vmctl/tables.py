"""Kubernetes' Tables: the server decides which columns a kind has, we align them.

Columns with a priority above 0 are for `-o wide`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vmctl.output import age, columns
from vmctl.words import _

ACCEPT = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def heads(definitions: list[dict[str, Any]], *, wide: bool, namespaces: bool) -> list[str]:
    shown = [one["name"].upper() for one in definitions if wide or not one.get("priority")]
    return ["NAMESPACE", *shown] if namespaces else shown


def rows(
    table: dict[str, Any], definitions: list[dict[str, Any]], *, wide: bool, namespaces: bool
) -> Iterable[list[str]]:
    for row in table.get("rows") or []:
        cells = [
            _shown(cell, one)
            for cell, one in zip(row.get("cells") or [], definitions, strict=False)
            if wide or not one.get("priority")
        ]
        metadata = (row.get("object") or {}).get("metadata") or {}
        yield [metadata.get("namespace", ""), *cells] if namespaces else cells


def _shown(cell: object, column: dict[str, Any]) -> str:
    """Moments are sent as they are; how long ago that is, the reader's clock says."""
    if cell is None:
        return ""
    return age(str(cell)) if column.get("type") == "date" else str(cell)


def drawn(pages: Iterable[dict[str, Any]], *, wide: bool, namespaces: bool, headless: bool = False) -> str:
    """The pages of one list as one table; empty when there are no rows."""
    definitions: list[dict[str, Any]] = []
    found: list[list[str]] = []
    for page in pages:
        definitions = page.get("columnDefinitions") or definitions
        found += rows(page, definitions, wide=wide, namespaces=namespaces)
    if not found:
        return ""
    return columns(heads(definitions, wide=wide, namespaces=namespaces), found, headless=headless)


def nothing(namespace: str) -> str:
    return (
        _("There is nothing in namespace %(namespace)s.") % {"namespace": namespace}
        if namespace
        else _("There is nothing.")
    )

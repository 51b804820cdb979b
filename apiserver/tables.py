"""Tables: the columns that `kubectl get` prints, cell by cell from the row, without making the whole object."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from apiserver.kinds import Column, Kind
from apiserver.meta import elapsed, version_of
from apiserver.status import BadRequest

NAME = Column("Name", lambda _row: "", format="name", description="Name must be unique within a namespace.")
version = version_of


def includes(request: HttpRequest) -> str:
    """What of the object goes with each line."""
    found = request.GET.get("includeObject") or "Metadata"
    if found not in ("None", "Metadata", "Object"):
        raise BadRequest(_("unrecognized includeObject value"), field="includeObject")
    return found


def definitions(kind: Kind) -> list[dict[str, Any]]:
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in (NAME, *kind.columns)
    ]


def line(kind: Kind, row: Any, include: str) -> dict[str, Any]:
    metadata = kind.metadata(row)
    found: dict[str, Any] = {"cells": [metadata["name"], *(cell(column, row) for column in kind.columns)]}
    if include == "Metadata":
        found["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    elif include == "Object":
        found["object"] = kind.to_manifest(row)
    return found


def cell(column: Column, row: Any) -> Any:
    shown = column.cell(row)
    return elapsed(str(shown), timezone.now()) if column.type == "date" and shown else shown


def partial(kind: Kind, row: Any) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": kind.metadata(row)}


def head(kind: Kind, metadata: dict[str, Any]) -> dict[str, Any]:
    body = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return {**body, "columnDefinitions": definitions(kind)}


def table(kind: Kind, lines: list[dict[str, Any]], metadata: dict[str, Any]) -> dict[str, Any]:
    return {**head(kind, metadata), "rows": lines}

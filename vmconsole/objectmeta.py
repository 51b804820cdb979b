"""What people write of `metadata`: one shape for the manifests of every app.

Labels, annotations, finalizers and owners are columns of each row. What servers fill in (uid, versions, times) is
ignored when it comes back, so that a manifest may be sent as it was read.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType, convert

Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        max_length=63,
        description="Lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit.",
    ),
]
LongName = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]

FILLED_IN: Final = (
    "uid",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
)


class Metadata(Struct, rename="camel", omit_defaults=True):
    """The part of ObjectMeta that people write. Finalizers and owners that are not mentioned stay as they are."""

    name: Name
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    generation: int | UnsetType = UNSET
    resource_version: str | UnsetType = UNSET
    finalizers: list[str] | UnsetType = UNSET
    owner_references: list[dict[str, Any]] | UnsetType = UNSET


class LongNamed(Struct, rename="camel", omit_defaults=True):
    """The same for kinds whose names may be longer."""

    name: LongName
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    generation: int | UnsetType = UNSET
    resource_version: str | UnsetType = UNSET
    finalizers: list[str] | UnsetType = UNSET
    owner_references: list[dict[str, Any]] | UnsetType = UNSET


def held(metadata: Metadata | LongNamed) -> dict[str, Any]:
    """The columns of finalizers and owners, as far as they were written."""
    written: dict[str, Any] = {}
    if metadata.finalizers is not UNSET:
        written["finalizers"] = metadata.finalizers
    if metadata.owner_references is not UNSET:
        written["owner_references"] = metadata.owner_references
    return written


def columns(metadata: Metadata | LongNamed) -> dict[str, Any]:
    """All of it that is a column."""
    return {"labels": metadata.labels, "annotations": metadata.annotations, **held(metadata)}


def differing(row: Any, wanted: dict[str, Any]) -> dict[str, list[Any]]:
    """{column: [before, after]} of what a write would change: nothing means that there is nothing to write."""
    return {name: [getattr(row, name), value] for name, value in wanted.items() if getattr(row, name) != value}


def writable(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what only servers write."""
    document = {key: value for key, value in document.items() if key != "status"}
    if isinstance(document.get("metadata"), dict):
        given = document["metadata"]
        document["metadata"] = {key: value for key, value in given.items() if key not in FILLED_IN}
    return document


def metadata_columns(document: dict[str, Any]) -> dict[str, Any]:
    """The columns of a document whose spec is not looked at."""
    return columns(convert(writable(document)["metadata"], LongNamed))

"""`metadata`: what every object has, read from a row's columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from apiserver.status import BadRequest, Stale
from vmconsole.access.errors import Unprocessable


def stamp(at: datetime) -> str:
    """As Kubernetes writes times: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(row: Any) -> str:
    """For a column of type date: tables make “5m” of it."""
    return stamp(row.created_at)


def elapsed(at: str, now: datetime) -> str:
    """How long ago a stamp was, in two units at most, as kubectl writes ages."""
    try:
        seconds = int((now - datetime.fromisoformat(at)).total_seconds())
    except ValueError:
        return "<unknown>"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if seconds < 120:
        return f"{max(0, seconds)}s"
    if minutes < 10:
        return f"{minutes}m" + (f"{seconds % 60}s" if seconds % 60 else "")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    if days < 730:
        return f"{days}d"
    return f"{days // 365}y" + (f"{days % 365}d" if days < 2920 and days % 365 else "")


def version_of(row: Any) -> str:
    """Rows from before anybody counted have none; "0" would mean “any” to clients."""
    return str(row.resource_version or 1)


def metadata_of(row: Any, *, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": row.name}
    namespace = getattr(row, "namespace", "")
    if namespace:
        metadata["namespace"] = namespace
    metadata["uid"] = str(row.uid)
    metadata["resourceVersion"] = version_of(row)
    generation = getattr(row, "generation", None)
    if generation is not None:
        metadata["generation"] = generation
    metadata["creationTimestamp"] = stamp(row.created_at)
    if row.deletion_requested_at:
        metadata["deletionTimestamp"] = stamp(row.deletion_requested_at)
        metadata["deletionGracePeriodSeconds"] = 0
    more = {
        "labels": row.labels,
        "annotations": row.annotations if annotations is None else annotations,
        "ownerReferences": row.owner_references,
        "finalizers": row.finalizers,
    }
    metadata.update({key: value for key, value in more.items() if value})
    return metadata


def check_preconditions(row: Any, given: dict[str, Any], resource: str) -> None:
    """What the client last saw must be what is there: else it would overwrite somebody's change without a word."""
    uid, version = given.get("uid"), given.get("resourceVersion")
    values = {"resource": resource, "name": row.name, "theirs": str(uid)[:64], "ours": str(row.uid)}
    if uid not in (None, "", str(row.uid)):
        sentence = _(
            "Operation cannot be fulfilled on %(resource)s “%(name)s”: Precondition failed: "
            "UID in precondition: %(theirs)s, UID in object meta: %(ours)s"
        )
        raise Stale(sentence % values)
    if version in (None, ""):
        return
    if not isinstance(version, str):
        raise BadRequest(_("metadata.resourceVersion must be a string."))
    if version != version_of(row):
        sentence = _(
            "Operation cannot be fulfilled on %(resource)s “%(name)s”: the object has been modified; please apply "
            "your changes to the latest version and try again"
        )
        raise Stale(sentence % values)


# --- what people write ------------------------------------------------------------------------------------------
LABEL_KEY = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII
)
LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
ANNOTATION_BYTES = 256 << 10
OWNER_KEYS = {"apiVersion", "kind", "name", "uid"}
MOST_OWNERS = 32


class BadMetadata(Unprocessable):
    """Everything that is wrong with it, by field."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__(" ".join(sentence for _field, sentence in problems), field=problems[0][0])


def check_metadata(metadata: dict[str, Any]) -> None:
    found = [*_label_problems(metadata), *_annotation_problems(metadata), *_holder_problems(metadata)]
    if found:
        raise BadMetadata(found)


def _label_problems(metadata: dict[str, Any]) -> Iterator[tuple[str, str]]:
    labels = metadata.get("labels") or {}
    if not isinstance(labels, dict):
        yield "metadata.labels", _("It must be a mapping of text.")
        return
    for key, value in labels.items():
        if not LABEL_KEY.fullmatch(key):
            yield "metadata.labels", _("“%(key)s” cannot be a label's name.") % {"key": key[:80]}
        elif not isinstance(value, str) or not LABEL_VALUE.fullmatch(value):
            sentence = _("“%(value)s” cannot be a label's value: 63 letters, digits, “-”, “_” and “.” at most.")
            yield f"metadata.labels[{key}]", sentence % {"value": str(value)[:80]}


def _annotation_problems(metadata: dict[str, Any]) -> Iterator[tuple[str, str]]:
    notes = metadata.get("annotations") or {}
    if not isinstance(notes, dict) or not all(isinstance(value, str) for value in notes.values()):
        yield "metadata.annotations", _("It must be a mapping of text.")
        return
    if sum(len(key) + len(value.encode("utf-8", "replace")) for key, value in notes.items()) > ANNOTATION_BYTES:
        yield "metadata.annotations", _("Too long: must have at most 262144 bytes")
    for key in notes:
        if not LABEL_KEY.fullmatch(key):
            yield "metadata.annotations", _("“%(key)s” cannot be an annotation's name.") % {"key": key[:80]}


def _holder_problems(metadata: dict[str, Any]) -> Iterator[tuple[str, str]]:
    finalizers, owners = metadata.get("finalizers") or [], metadata.get("ownerReferences") or []
    if not isinstance(finalizers, list) or not isinstance(owners, list):
        yield "metadata.finalizers", _("Finalizers and owners are lists.")
        return
    for name in finalizers:
        if not isinstance(name, str) or not LABEL_KEY.fullmatch(name):
            yield "metadata.finalizers", _("“%(key)s” cannot be a finalizer's name.") % {"key": str(name)[:80]}
    if len(finalizers) > MOST_OWNERS or len(owners) > MOST_OWNERS:
        yield "metadata.ownerReferences", _("There are too many.")
    for number, owner in enumerate(owners):
        whole = isinstance(owner, dict) and all(isinstance(owner.get(key), str) and owner[key] for key in OWNER_KEYS)
        if not whole:
            sentence = _("An owner is written with apiVersion, kind, name and uid.")
            yield f"metadata.ownerReferences[{number}]", sentence

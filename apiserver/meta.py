"""`metadata`: what every object has, read from a row's columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from apiserver.status import BadRequest, Stale


def stamp(at: datetime) -> str:
    """As Kubernetes writes times: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(row: Any) -> str:
    """For a column of type date: clients make “5m” of it themselves."""
    return stamp(row.created_at)


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

"""Deleting: its options, and what becomes of what an object owns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from apiserver import garbage
from apiserver.bodies import body_of
from apiserver.kinds import Asking, Kind
from apiserver.status import BadRequest
from vmconsole.operations import loop

POLICIES = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True, slots=True)
class Wanted:
    """DeleteOptions, as far as they mean something here."""

    dry_run: bool = False
    policy: str = "Background"
    preconditions: dict[str, Any] = field(default_factory=dict)


def wanted_of(request: HttpRequest) -> Wanted:
    """From the query and the body; a body is what clients send."""
    body = body_of(request, optional=True)
    policy = request.GET.get("propagationPolicy") or body.get("propagationPolicy") or "Background"
    if body.get("orphanDependents") is True:
        policy = "Orphan"
    if policy not in POLICIES:
        sentence = _("propagationPolicy: Unsupported value: supported values: %(values)s")
        raise BadRequest(sentence % {"values": ", ".join(POLICIES)}, field="propagationPolicy")
    dry = [*request.GET.getlist("dryRun"), *(body.get("dryRun") or [])]
    if any(value != "All" for value in dry):
        raise BadRequest(_("dryRun: Unsupported value: supported values: “All”"), field="dryRun")
    conditions = body.get("preconditions") or {}
    if not isinstance(conditions, dict):
        raise BadRequest(_("preconditions must be an object."), field="preconditions")
    return Wanted(bool(dry), policy, conditions)


def deleted(asking: Asking, kind: Kind, row: Any, wanted: Wanted) -> bool:
    """Ask for its end. True when it is gone at once; asking again for what is ending already changes nothing."""
    assert kind.delete is not None
    if getattr(row, "deletion_requested_at", None) is None:
        garbage.before(row, wanted.policy)
        kind.delete(asking, row)
        loop.enqueue(garbage.CARETAKER, row.uid)
    return not type(row).objects.filter(pk=row.pk).exists()

"""What happened to one machine, on one axis: what people asked, what came of it, what the runtime saw.

Three records are joined here and nowhere else: operations, events, and, for those who may read it, the audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from inventory.models import VirtualMachine
from observability import events
from observability.models import AuditEntry
from vmconsole.access.rights import Right, may
from vmconsole.operations.models import Operation

MOST = 100
STATES = {"open": "busy", "done": "ok", "failed": "bad", "cancelled": "warn"}
LEVELS = {"Warning": "bad"}
PHASES = {"refused": "warn"}


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    kind: str
    tone: str
    title: str
    text: str = ""
    who: str = ""
    count: int = 1
    url: str = ""


def timeline(user: Any, vm: VirtualMachine) -> list[Entry]:
    """Newest first."""
    found = [*_operations(vm), *_events(vm), *(_audit(vm) if may(user, Right.AUDIT_READ, vm.namespace or None) else [])]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:MOST]


def _operations(vm: VirtualMachine) -> list[Entry]:
    rows = Operation.objects.filter(subject_uid=vm.uid).order_by("-created_at")[:MOST]
    return [
        Entry(
            row.created_at, "operation", STATES.get(row.state, "off"), row.verb, row.message, row.actor_name,
            url=f"/operations/{row.uid}/",
        )
        for row in rows
    ]  # fmt: skip


def _events(vm: VirtualMachine) -> list[Entry]:
    return [
        Entry(
            row.last_at, "event", "bad" if row.level == "Warning" else "off", row.reason, row.message, count=row.count
        )
        for row in events.of(vm.uid)[:MOST]
    ]


def _audit(vm: VirtualMachine) -> list[Entry]:
    """What operations don't tell: refusals, and who looked into it."""
    rows = AuditEntry.objects.filter(uid=str(vm.uid), phase__in=["refused", "started", "ended"]).order_by("-id")[:MOST]
    return [
        Entry(row.at, "audit", PHASES.get(row.phase, "off"), said(row.action, row.phase), row.reason, row.actor_name)
        for row in rows
    ]  # fmt: skip


def said(action: str, phase: str) -> str:
    words = {"refused": _("refused"), "started": _("opened"), "ended": _("closed")}
    return f"{action} {words[phase]}"

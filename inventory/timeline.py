"""What happened to one machine, on one axis: what people asked, what it changed, what came of it, what was seen.

Four records are joined here and nowhere else: operations, versions of the configuration, events, and, for those who
may read it, the audit. What belongs to an operation (its steps, its version, what was seen meanwhile, its audit
entries) is folded under it. Pages end at a moment, so that news on top shifts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.differing import Difference, differences
from inventory.models import MachineVersion, VirtualMachine
from observability import events, wording
from observability.models import AuditEntry, Event
from vmconsole.access.rights import Right, may
from vmconsole.operations.models import Operation
from vmconsole.pages import asked, spelled

PER_PAGE = 40
MOST = PER_PAGE + 1  # of one record, read for a page
AFTERWARDS = timedelta(seconds=3)  # what is seen this soon after an operation's end is still its doing
STATES = {"open": "busy", "done": "ok", "failed": "bad", "cancelled": "warn"}
PHASES = {"refused": "warn", "failed": "bad"}
LOOKS = ("started", "ended", "refused")  # of the audit, what no operation tells
KINDS: tuple[tuple[str, Any], ...] = (
    ("", gettext_lazy("Everything")),
    ("operation", gettext_lazy("Asked for")),
    ("version", gettext_lazy("Configuration")),
    ("boot", gettext_lazy("Starts and stops")),
    ("event", gettext_lazy("Events")),
    ("audit", gettext_lazy("Audit")),
)
BOOTS = ("Running", "Stopped", "Paused", "GuestShutdown", "Crashed", "CrashLoopBackOff", "IOError", "GuestPanicked")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `steps` are folded under it; `version` can be looked at and brought back."""

    at: datetime
    kind: str
    tone: str
    title: str
    text: str = ""
    who: str = ""
    count: int = 1
    url: str = ""
    steps: tuple[Entry, ...] = ()
    changes: tuple[Difference, ...] = ()
    version: int | None = None
    restored: int | None = None
    until: datetime | None = None
    request_id: str = ""
    operation_uid: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    entries: list[Entry] = field(default_factory=list)
    following: str = ""  # where the next page begins, empty on the last one


def may_audit(user: Any, vm: VirtualMachine) -> bool:
    return may(user, Right.AUDIT_READ, vm.namespace or None)


def kinds_for(user: Any, vm: VirtualMachine) -> list[tuple[str, Any]]:
    return [(key, title) for key, title in KINDS if key != "audit" or may_audit(user, vm)]


def cursor_of(text: str) -> datetime | None:
    """A moment out of an address; anything else is the beginning."""
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None


def timeline(user: Any, vm: VirtualMachine, *, kind: str = "", before: datetime | None = None) -> Page:
    """One page, newest first."""
    sees_audit = may_audit(user, vm)
    if kind == "version":
        return _page(_versions(vm, before))
    if kind in ("event", "boot"):
        return _page(_events(vm, before, kind=kind))
    if kind == "audit":
        return _page(_audit(vm, before, everything=True) if sees_audit else [])
    operations = _operations(vm, before)
    records = [_versions(vm, before), _events(vm, before), _audit(vm, before) if sees_audit else []]
    loose = [entry for record in [*records, _later(vm, before, operations)] for entry in record]
    found = _folded(operations, loose)
    if kind == "operation":
        return _page([entry for entry in found if entry.kind == "operation"])
    return _page(found, max((record[-1].at for record in [operations, *records] if len(record) >= MOST), default=None))


def _page(found: list[Entry], horizon: datetime | None = None) -> Page:
    """Up to a page of what was found. Below the `horizon` one of the records has more than was read of it."""
    found = sorted((entry for entry in found if horizon is None or entry.at >= horizon), key=_moment, reverse=True)
    shown = found[:PER_PAGE]
    same = [entry for entry in found[PER_PAGE:] if entry.at == shown[-1].at]  # a page never ends within a moment
    if len(found) > len(shown) + len(same):
        return Page([*shown, *same], shown[-1].at.isoformat())
    return Page([*shown, *same], horizon.isoformat() if horizon else "")


def _moment(entry: Entry) -> datetime:
    return entry.at


# --- the records ------------------------------------------------------------------------------------------------
def _until(moment: datetime | None, column: str) -> Q:
    return Q(**{f"{column}__lt": moment}) if moment else Q()


def _operations(vm: VirtualMachine, before: datetime | None) -> list[Entry]:
    rows = Operation.objects.filter(_until(before, "created_at"), subject_uid=vm.uid).order_by("-created_at")[:MOST]
    return [
        Entry(
            row.created_at, "operation", STATES.get(row.state, "off"), asked(row.verb), row.message, row.actor_name,
            url=reverse("operations:operation_detail", args=[row.uid]), steps=tuple(_steps(row)),
            until=row.finished_at or timezone.now(), operation_uid=str(row.uid),
        )
        for row in rows
    ]  # fmt: skip


def _steps(row: Operation) -> Iterable[Entry]:
    for step in row.steps:
        at = parse_datetime(str(step.get("at", "")))
        if at and step.get("text") != row.message:
            yield Entry(at, "step", "off", str(step.get("text", "")))


def _versions(vm: VirtualMachine, before: datetime | None) -> list[Entry]:
    """Each with what it changed in the one before it."""
    rows = list(MachineVersion.objects.filter(_until(before, "at"), machine=vm).order_by("-number")[: MOST + 1])
    return [_version(row, old) for row, old in zip(rows[:MOST], [*rows[1:], None], strict=False)]


def _version(row: MachineVersion, old: MachineVersion | None) -> Entry:
    return Entry(
        row.at, "version", "off", _("Configuration changed") if old else _("Configuration written"),
        who="" if row.actor_name.startswith("system:") else row.actor_name, version=row.number, restored=row.restored,
        request_id=row.request_id, operation_uid=str(row.operation_uid or ""),
        changes=tuple(differences(old.manifest, row.manifest)) if old else (),
    )  # fmt: skip


def _events(vm: VirtualMachine, before: datetime | None, kind: str = "") -> list[Entry]:
    rows = events.of(vm.uid).filter(_until(before, "last_at"))
    if kind:
        rows = rows.filter(reason__in=BOOTS) if kind == "boot" else rows.exclude(reason__in=BOOTS)
    return [_event(row) for row in rows[:MOST]]


def _event(row: Event) -> Entry:
    kind, tone = "boot" if row.reason in BOOTS else "event", "bad" if row.level == "Warning" else "off"
    return Entry(row.last_at, kind, tone, spelled(row.reason), row.message, count=row.count)


def _audit(vm: VirtualMachine, before: datetime | None, *, everything: bool = False) -> list[Entry]:
    """What operations don't tell: refusals, changes that needed none, and who looked into it. Or all of it."""
    rows = AuditEntry.objects.filter(_until(before, "at"), uid=str(vm.uid))
    if not everything:
        rows = rows.filter(Q(phase__in=LOOKS) | Q(operation_uid="", phase="succeeded"))
    return [_audited(row) for row in rows.order_by("-id")[:MOST]]


def _audited(row: AuditEntry) -> Entry:
    return Entry(
        row.at, "audit", PHASES.get(row.phase, "off"), said(row.action, row.phase),
        row.reason or wording.moved(row), row.actor_name, request_id=row.request_id, operation_uid=row.operation_uid,
        url=reverse("observability:audit_entry", args=[row.id]),
    )  # fmt: skip


def said(action: str, phase: str) -> str:
    """What was asked, and how far it came: “Stop: refused”."""
    words = {
        "refused": _("refused"), "started": _("opened"), "ended": _("closed"), "accepted": _("accepted"),
        "succeeded": _("succeeded"), "failed": _("failed"),
    }  # fmt: skip
    what = asked(action)
    return f"{wording.did(action) if what == action else what}: {words.get(phase, phase)}"


def _later(vm: VirtualMachine, before: datetime | None, operations: list[Entry]) -> list[Entry]:
    """What belongs to this page's operations and happened after the page's beginning."""
    if before is None or not operations:
        return []
    uids = [operation.operation_uid for operation in operations]
    until = max(operation.until or operation.at for operation in operations) + AFTERWARDS
    seen = events.of(vm.uid).filter(last_at__gte=before, last_at__lte=until)[:MOST]
    found = [entry for entry in map(_event, seen) if any(_belongs(entry, operation) for operation in operations)]
    versions = MachineVersion.objects.filter(machine=vm)
    changed = versions.filter(at__gte=before, operation_uid__in=uids)
    return [*found, *(_version(row, versions.filter(number__lt=row.number).first()) for row in changed)]


# --- folding ----------------------------------------------------------------------------------------------------
def _folded(operations: list[Entry], loose: list[Entry]) -> list[Entry]:
    """Each loose entry under the operation it belongs to, by its number, its request, or its time."""
    under: dict[str, list[Entry]] = {operation.operation_uid: [] for operation in operations}
    free = []
    for entry in loose:
        owner = next((operation for operation in operations if _belongs(entry, operation)), None)
        if owner is None:
            free.append(entry)
        else:
            under[owner.operation_uid].append(entry)
    return [*(_with(operation, under[operation.operation_uid]) for operation in operations), *_joined(free)]


def _belongs(entry: Entry, operation: Entry) -> bool:
    if entry.operation_uid:
        return entry.operation_uid == operation.operation_uid
    if entry.kind not in ("event", "boot") or operation.until is None:
        return False
    return operation.at <= entry.at <= operation.until + AFTERWARDS


def _with(operation: Entry, parts: list[Entry]) -> Entry:
    """An operation with what it did: its version's changes stand open, the rest is folded."""
    version = next((part for part in parts if part.kind == "version"), None)
    steps = sorted((*operation.steps, *(part for part in parts if part is not version)), key=lambda part: part.at)
    whole = replace(operation, steps=tuple(steps))
    if version is None:
        return whole
    return replace(whole, changes=version.changes, version=version.version, restored=version.restored)


def _joined(free: list[Entry]) -> list[Entry]:
    """A change that needed no operation has its audit entry folded under its version: both are of one request."""
    versions = {entry.request_id: entry for entry in free if entry.kind == "version" and entry.request_id}
    parts: dict[str, list[Entry]] = {}
    rest = []
    for entry in free:
        version = versions.get(entry.request_id)
        if version and entry.kind == "audit" and not entry.operation_uid:
            parts.setdefault(entry.request_id, []).append(entry)
        elif entry is not version:
            rest.append(entry)
    return [*rest, *(replace(entry, steps=tuple(parts.get(key, ()))) for key, entry in versions.items())]

"""Boots, stops, crashes and changes of a machine, for the axis of its charts.

What somebody asked for comes from operations, which know the moment and the person. What nobody asked for comes from
events, and is left out where it only repeats what an operation said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.models import VirtualMachine
from inventory.states import State
from observability.marks import MOST, Kind, Mark, events_between, of_event
from observability.models import Event
from vmconsole.operations.models import Operation
from vmconsole.operations.models import State as Progress
from vmconsole.pages import asked

SAME_SECONDS = 90.0  # a state is noticed this late after the request that brought it, at the latest

DONE = {
    "create": (Kind.CHANGE, gettext_lazy("Created by %(who)s")),
    "start": (Kind.BOOT, gettext_lazy("Started by %(who)s")),
    "restart": (Kind.BOOT, gettext_lazy("Restarted by %(who)s")),
    "reset": (Kind.BOOT, gettext_lazy("Reset by %(who)s")),
    "stop": (Kind.STOP, gettext_lazy("Stopped by %(who)s")),
    "force-stop": (Kind.STOP, gettext_lazy("Stopped by force by %(who)s")),
    "pause": (Kind.STOP, gettext_lazy("Paused by %(who)s")),
    "resume": (Kind.BOOT, gettext_lazy("Resumed by %(who)s")),
    "edit": (Kind.CHANGE, gettext_lazy("Configuration changed by %(who)s")),
}
SEEN = {
    "Crashed": Kind.CRASH,
    "Started": Kind.BOOT,
    State.CRASH_LOOP.value: Kind.CRASH,
    "GuestShutdown": Kind.STOP,
    State.RUNNING.value: Kind.BOOT,
    State.STOPPED.value: Kind.STOP,
    State.PAUSED.value: Kind.STOP,
}
PASSING = (State.PENDING, State.PROVISIONING, State.STARTING, State.STOPPING, State.TERMINATING)
WORDS = {
    State.RUNNING.value: gettext_lazy("It started"),
    State.STOPPED.value: gettext_lazy("It stopped"),
    State.PAUSED.value: gettext_lazy("It was paused"),
    "GuestShutdown": gettext_lazy("It was shut down from inside."),
}


def of_machine(uid: UUID, first: datetime, last: datetime) -> list[Mark]:
    asked_for = Operation.objects.filter(subject_uid=uid, created_at__lte=last).exclude(state=Progress.OPEN)
    done = asked_for.filter(finished_at__gte=first).order_by("-created_at")[:MOST]
    started = VirtualMachine.objects.filter(uid=uid).values_list("status_started_at", flat=True).first()
    return joined(done, events_between(uid, first, last), started)


def joined(operations: Iterable[Operation], events: Iterable[Event], started: datetime | None) -> list[Mark]:
    marks = [of_operation(row) for row in operations]
    known = [mark for mark in marks if mark.level == "Normal"]
    for event in events:
        kind = SEEN.get(event.reason, Kind.OTHER)
        said = event.reason in PASSING or repeats(event.last_at.timestamp(), kind, known)
        if event.level != "Normal" or not said:
            mark = of_event(event, kind)
            marks.append(mark if event.reason not in WORDS else told(mark))
    boots = [mark for mark in marks if mark.kind is Kind.BOOT]
    if started and not repeats(started.timestamp(), Kind.BOOT, boots):
        marks.append(Mark(started.timestamp(), Kind.BOOT, "Started", _("It started")))
    return marks


def repeats(at: float, kind: Kind, known: list[Mark]) -> bool:
    """A restart stops and boots: whatever power it went through was its own."""
    power = (Kind.BOOT, Kind.STOP)
    return any(
        abs(mark.at - at) < SAME_SECONDS and (mark.kind is kind or (mark.kind in power and kind in power))
        for mark in known
    )


def told(mark: Mark) -> Mark:
    return Mark(mark.at, mark.kind, mark.reason, str(WORDS[mark.reason]), mark.level)


def of_operation(row: Operation) -> Mark:
    at = (row.finished_at or row.created_at).timestamp()
    if row.state == Progress.DONE and row.verb in DONE:
        kind, sentence = DONE[row.verb]
        return Mark(at, kind, row.verb, str(sentence) % {"who": row.actor_name})
    words = {"verb": asked(row.verb), "who": row.actor_name, "why": row.message}
    if row.state == Progress.FAILED:
        return Mark(at, Kind.OTHER, row.verb, _("%(verb)s, asked by %(who)s, failed: %(why)s") % words, "Warning")
    if row.state == Progress.CANCELLED:
        return Mark(at, Kind.OTHER, row.verb, _("%(verb)s, asked by %(who)s, was cancelled") % words)
    return Mark(at, Kind.CHANGE, row.verb, _("%(verb)s, asked by %(who)s") % words)

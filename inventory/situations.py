"""Everything the “why?” line looks at, gathered from a machine's row and what is known beside it.

Plain values, so that the table of reasons (`why`, `reasons`) needs no database and is tested as a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone

from inventory.backoff import crashes_within, next_try
from vmconsole.operations.models import Operation, State

if TYPE_CHECKING:
    from inventory.models import VirtualMachine
    from vmconsole.runtime.models import Node

STOPS = ("stop", "force-stop")
AT_ONCE = timedelta(seconds=30)  # between what is seen of a request and its end
LATELY = timedelta(days=1)  # a failure is told beside its machine this long, or until something else was asked


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that was asked of the machine: under way, or failed."""

    verb: str
    at: datetime
    who: str = ""
    message: str = ""
    reason: str = ""
    uid: UUID | None = None
    ended_at: datetime | None = None
    state: str = State.OPEN


@dataclass(frozen=True, slots=True)
class Host:
    """What the machine's node says of itself."""

    storage_free_bytes: int = 0
    storage_bytes: int = 0
    slow_because: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """One machine as of `now`. `about` is the name of what is in the way; `since` when its state began."""

    now: datetime
    state: str
    reason: str = ""
    message: str = ""
    about: str = ""
    name: str = ""
    namespace: str = ""
    since: datetime | None = None
    as_of: datetime | None = None
    power: str = ""
    wish: str = ""
    off: bool = True
    declared: str = ""
    managed: bool = True
    fault: str = ""
    crashes: int = 0
    next_try: datetime | None = None
    drift: tuple[str, ...] = ()
    pending: bool = False
    finalizers: tuple[str, ...] = ()
    grace: timedelta = timedelta(seconds=60)
    started_at: datetime | None = None
    agent_at: datetime | None = None
    accelerator: str = ""
    asked: Asked | None = None
    last: Asked | None = None
    host: Host | None = None

    @property
    def failed(self) -> Asked | None:
        """What was asked last, if it failed not long ago."""
        last = self.last
        lately = last is not None and last.ended_at is not None and self.now < last.ended_at + LATELY
        return last if last and last.state == State.FAILED and lately else None

    @property
    def stopped_by_us(self) -> bool:
        """It is off because that was asked here."""
        last = self.last
        if last is None or last.state != State.DONE or last.verb not in STOPS or self.since is None:
            return False
        return last.ended_at is not None and last.ended_at > self.since - AT_ONCE


def situation_of(
    vm: VirtualMachine, *, asked: Operation | None = None, last: Operation | None = None, node: Node | None = None
) -> Situation:
    now = timezone.now()
    began = vm.status_transitions.get(vm.status_state)
    return Situation(
        now=now,
        state=vm.status_state,
        reason=vm.status_reason,
        message=vm.status_message,
        about=vm.status_about,
        name=vm.title,
        namespace=vm.namespace,
        since=datetime.fromisoformat(began) if began else None,
        as_of=vm.status_as_of,
        power=vm.status_power,
        wish=vm.spec_power,
        off=vm.is_off,
        declared=vm.spec_running_state,
        managed=vm.managed,
        fault=vm.status_fault,
        crashes=len(crashes_within(vm.status_crashes, now)),
        next_try=next_try(vm.status_crashes, now),
        drift=tuple(vm.status_drift),
        pending=vm.status_pending,
        finalizers=tuple(vm.finalizers),
        grace=timedelta(seconds=vm.spec_grace_seconds),
        started_at=vm.status_started_at,
        agent_at=vm.status_agent_at,
        accelerator=vm.status_accelerator,
        asked=_asked(asked),
        last=_asked(last),
        host=_host(node),
    )


def _asked(operation: Operation | None) -> Asked | None:
    if operation is None:
        return None
    return Asked(
        operation.verb, operation.created_at, operation.actor_name, operation.message, operation.reason, operation.uid,
        operation.finished_at, operation.state,
    )  # fmt: skip


def _host(node: Node | None) -> Host | None:
    if node is None:
        return None
    told = next((str(check["message"]) for check in node.status_checks if check.get("name") == "acceleration"), "")
    because = told.partition(". ")[2]  # its first sentence says what the line says already
    return Host(node.status_storage_free_bytes, node.status_storage_bytes, because)


def latest(uids: Iterable[UUID]) -> dict[UUID, Operation]:
    """What was asked of each machine last. One query."""
    newer = Operation.objects.filter(subject_uid=OuterRef("subject_uid"), created_at__gt=OuterRef("created_at"))
    newest = Operation.objects.filter(~Exists(newer), subject_uid__in=list(uids))
    return {operation.subject_uid: operation for operation in newest}

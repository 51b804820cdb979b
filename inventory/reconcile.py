"""The loop over machines: look, plan, take one step, record.

Takes no news: whoever rings has only said "look". So a lost ring, a double ring and a restart all end the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory import steps
from inventory.assembly import Assembled, assemble
from inventory.backoff import next_try
from inventory.capacity import lack_of_room
from inventory.manifests import spec_of
from inventory.models import VirtualMachine
from inventory.observe import record_seen
from inventory.plan import (
    ASK_AGAIN,
    LOOK_AGAIN,
    Accept,
    Delete,
    Forget,
    SetPower,
    Settled,
    Step,
    Vanished,
    Wait,
    Want,
    next_step,
)
from inventory.rules import OFF, Verb
from inventory.services.attaching import attach_existing
from observability import events
from vmconsole.access.errors import Refused
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation
from vmconsole.operations.services import open_of
from vmconsole.runtime import connect
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.errors import Missing, RuntimeFault, Unreachable
from vmconsole.runtime.types import MachineSeen, Power

WAITING = 15.0  # something is missing: whoever makes it rings us, this is for the case that nobody does


def unsettled() -> Iterable[UUID]:
    """Machines whose wish is not applied, or that wait for something, are being deleted, or run in the trash."""
    unapplied = VirtualMachine.objects.living().filter(managed=True).exclude(observed_generation=F("generation"))
    deleting = VirtualMachine.objects.exclude(deletion_requested_at=None)
    declared = VirtualMachine.objects.living().filter(managed=True, spec_running_state="Running")
    restless = VirtualMachine.objects.trashed().exclude(status_power__in=["", *OFF])
    return (unapplied | deleting | declared.exclude(status_power=Power.ON) | restless).values_list("uid", flat=True)


def reconcile(uid: UUID) -> float | None:
    """One look, one step. Seconds until the next look, or None when the machine is as wished."""
    # The request first: read after the wish, one that came in between would look as if it were fulfilled already.
    operation = open_of(uid)
    vm = VirtualMachine.objects.select_related("runtime").filter(uid=uid).first()
    if vm is None or vm.runtime is None:
        return None
    if operation and operation.cancel_requested:
        return steps.give_up(vm, operation, cancelled=True)
    try:
        return _round(vm, operation)
    except RuntimeFault as fault:
        return _fault(vm, operation, fault)


def _round(vm: VirtualMachine, operation: Operation | None) -> float | None:
    runtime = connection_of(vm)
    seen = runtime.machines.get(vm.uid)
    assembled = _assembled(vm, operation, seen)
    no_room = lack_of_room(assembled.spec) if assembled.spec and _is_off(seen) else ""
    want = _want(vm, operation, assembled, no_room)
    record_seen(vm, seen, operation=operation, assembled=assembled, unschedulable=no_room)
    if operation and operation.verb == Verb.ADOPT:
        return steps.adopt(vm, operation, seen, runtime)
    step = next_step(want, seen)
    if operation and _overdue(operation, step):
        return steps.give_up(vm, operation)
    leaving = want.deleting or want.trashed
    if operation and want.spec is None and not leaving and not isinstance(step, Settled | Accept):
        return _in_the_way(vm, operation, assembled, no_room)
    return _take(step, vm, operation, seen, assembled)


def _take(
    step: Step, vm: VirtualMachine, operation: Operation | None, seen: MachineSeen | None, assembled: Assembled
) -> float | None:
    if isinstance(step, Settled):
        if operation:
            operations.finish(operation)
            record_seen(vm, seen, assembled=assembled)
        return None
    if isinstance(step, Wait):
        return step.seconds
    if isinstance(step, Accept):
        vm.accept(step.power)
        record_seen(vm, seen, assembled=assembled)
        return None
    if isinstance(step, Forget):
        return steps.forget(vm, operation)
    if isinstance(step, Vanished):
        return steps.vanished(vm, operation)
    steps.take(step, vm, operation, assembled, connection_of(vm))
    asked_guest = isinstance(step, SetPower) and step.power is Power.OFF and not step.force
    if isinstance(step, Delete):
        return 0.2
    return ASK_AGAIN if asked_guest else 0.0


def connection_of(vm: VirtualMachine) -> RuntimeConnection:
    assert vm.runtime is not None, "only machines of a runtime are looked after"
    return connect.connect(vm.runtime)


def _is_off(seen: MachineSeen | None) -> bool:
    return seen is None or seen.power in OFF


def _assembled(vm: VirtualMachine, operation: Operation | None, seen: MachineSeen | None) -> Assembled:
    """The complete spec, with its disks held by this machine. Only for machines that are ours and stay."""
    leaving = vm.deletion_requested_at or vm.trashed_at
    if not vm.managed or leaving or (operation and operation.verb == Verb.ADOPT):
        return Assembled(spec=seen.spec if seen else None)
    with transaction.atomic():
        assembled = assemble(vm)
    if assembled.spec is None:
        return assembled
    try:
        with transaction.atomic():
            attach_existing(vm, spec_of(vm))
    except Refused as refusal:
        return Assembled(missing=("DiskInUse", refusal.public))
    return assembled


def _want(vm: VirtualMachine, operation: Operation | None, assembled: Assembled, no_room: str) -> Want:
    asked = Verb(operation.verb) if operation else None
    data = operation.data if operation else {}
    grace = timedelta(seconds=data.get("grace", vm.spec_grace_seconds))
    patience_over = bool(operation) and timezone.now() > operation.created_at + grace if operation else False
    spec = None if no_room and asked in (Verb.START, Verb.CREATE, None) else assembled.spec
    return Want(
        spec=spec,
        power=Power(vm.spec_power),
        declared=vm.declared,
        asked=asked,
        force=asked is Verb.FORCE_STOP or patience_over,
        stopped=bool(data.get("stopped")),
        unapplied=vm.managed and vm.generation != vm.observed_generation,
        deleting=vm.deletion_requested_at is not None,
        trashed=vm.trashed_at is not None,
        restart_to_apply=bool(data.get("restart")),
        rejoin=_rejoin(vm),
    )


def _rejoin(vm: VirtualMachine) -> float:
    """Seconds until a declared machine that keeps crashing may be started again."""
    now = timezone.now()
    due = next_try(vm.status_crashes, now)
    return (due - now).total_seconds() if due else 0.0


def _overdue(operation: Operation, step: Step) -> bool:
    return timezone.now() > operation.deadline_at and not isinstance(step, Settled | Forget)


def _in_the_way(vm: VirtualMachine, operation: Operation, assembled: Assembled, no_room: str) -> float | None:
    """Something it refers to is missing. A create waits for it; whatever else was asked fails with the reason."""
    reason, sentence = assembled.missing
    sentence = sentence or assembled.disk_waiting or assembled.disk_failed or no_room
    reason = reason or ("InsufficientResources" if no_room else "WaitingForDisk")
    waits = operation.verb == Verb.CREATE or bool(assembled.disk_waiting)
    if waits:
        operations.progress(operation, assembled.percent, sentence)
        return LOOK_AGAIN if assembled.disk_waiting else WAITING
    return steps.give_up(vm, operation, sentence=sentence, reason=reason)


def _fault(vm: VirtualMachine, operation: Operation | None, fault: RuntimeFault) -> float | None:
    """A fault that trying again can help keeps the operation open until its deadline; any other ends it."""
    worth_trying = fault.retry_in is not None or isinstance(fault, Missing)
    overdue = operation is not None and timezone.now() > operation.deadline_at
    if isinstance(fault, Unreachable) and operation and operation.data.get("sent"):
        sentence = _("The runtime stopped answering: it is unknown whether this happened. Look at the machine.")
        return steps.give_up(vm, operation, sentence=sentence, reason="Unknown")
    if worth_trying and not overdue:
        if operation:
            operations.progress(operation, operation.percent, fault.public)
        return fault.retry_in or LOOK_AGAIN
    VirtualMachine.objects.filter(uid=vm.uid).update(status_fault=fault.public, status_fault_reason=fault.reason)
    vm.status_fault, vm.status_fault_reason = fault.public, fault.reason
    events.record(
        "VirtualMachine", vm.uid, vm.name, vm.namespace, fault.reason or "RuntimeFault", fault.public, level="Warning"
    )
    if operation:
        return steps.give_up(vm, operation, sentence=fault.public, reason=fault.reason, detail=fault.detail)
    crashes = [*vm.status_crashes, timezone.now().isoformat()][-10:]
    vm.record(status_crashes=crashes)
    return _rejoin(vm) or WAITING

"""Write down what was seen of machines: status, state, events, and machines that were made outside.

The only writer of `status_*`. Used by the loop for one machine and by the resync for all of a runtime's at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.assembly import Assembled
from inventory.backoff import crashes_within
from inventory.models import VirtualMachine
from inventory.rules import OFF, Verb
from inventory.services.asking import KIND, tell
from inventory.states import Facts, Shown, State, shown
from networking.models import NetworkInterface
from observability import events
from vmconsole.operations.models import Operation
from vmconsole.runtime.models import Runtime
from vmconsole.runtime.types import MachineSeen, MachineSpec, Power

AT_ONCE = 1000  # rows in one statement
WORRYING = (State.MISCONFIGURED, State.DISK_ERROR, State.DISK_NOT_FOUND, State.UNSCHEDULABLE, State.CRASH_LOOP)


@transaction.atomic
def record_seen(
    vm: VirtualMachine, seen: MachineSeen | None, *, operation: Operation | None = None,
    assembled: Assembled | None = None, unschedulable: str = "",
) -> bool:  # fmt: skip
    """Store one look. True when a person would notice the difference."""
    before, crashes = (vm.status_power, vm.status_state, vm.status_reason), vm.status_crashes
    facts = facts_of(vm, seen, operation=operation, assembled=assembled, unschedulable=unschedulable)
    noticed = vm.record(**_hardware(vm, seen, cards_of(vm)), **_state(vm, shown(facts)))
    if noticed:
        tell(vm)
    _tell_of_change(vm, before)
    if vm.status_crashes != crashes and vm.status_reason != "Crashed":
        sentence = _("It stopped without being asked, and is started again.")
        events.record(KIND, vm.uid, vm.name, vm.namespace, "Crashed", sentence, level="Warning")
    return noticed


def facts_of(
    vm: VirtualMachine, seen: MachineSeen | None, *, operation: Operation | None = None,
    assembled: Assembled | None = None, unschedulable: str = "", reachable: bool = True,
) -> Facts:  # fmt: skip
    """What the state table needs. A look that assembled nothing keeps to what the last full one said."""
    known = assembled or Assembled()
    return Facts(
        power=seen.power if seen else None,
        wish=Power(vm.spec_power),
        reachable=reachable,
        deleting=vm.deletion_requested_at is not None,
        made=vm.made or not vm.managed,
        declared=vm.declared,
        asked=Verb(operation.verb) if operation else None,
        stopped=bool(operation and operation.data.get("stopped")),
        missing=known.missing,
        disk_waiting=known.disk_waiting,
        disk_failed=known.disk_failed,
        about=known.about,
        unschedulable=unschedulable,
        fault=vm.status_fault,
        fault_reason=vm.status_fault_reason,
        crashes=len(crashes_within(vm.status_crashes, timezone.now())),
        stop_reason=seen.stop_reason if seen else vm.status_stop_reason,
    )


def _hardware(vm: VirtualMachine, seen: MachineSeen | None, cards: Iterable[NetworkInterface]) -> dict[str, Any]:
    if seen is None:
        return {"status_power": "", "status_node": "", "status_screen": {}, "status_guest": {}, "status_running": {}}
    status: dict[str, Any] = {
        "status_power": seen.power.value,
        "status_stop_reason": seen.stop_reason if seen.power in (*OFF, Power.PAUSED) else "",
        "status_node": seen.node,
        "status_started_at": seen.started_at,
        "status_accelerator": seen.accelerator,
        "status_revision": seen.revision,
        "status_pending": seen.pending,
        "status_running": running_of(seen.running) if seen.running else {},
        "status_screen": asdict(seen.screen),
    }
    if seen.spec:
        status |= {"status_vcpus": seen.spec.vcpus, "status_memory_bytes": seen.spec.memory_bytes}
    if seen.power is Power.ON and vm.status_fault:
        status |= {"status_fault": "", "status_fault_reason": ""}  # what went wrong before it ran is over
    if seen.power in OFF:
        status |= {"status_guest": {}, "status_guest_as_of": None}
    if vm.managed and vm.status_applied_revision:
        same = seen.revision == vm.status_applied_revision
        status["status_drift"] = [] if same else _drift(vm, seen)
    if seen.stop_reason in ("crashed", "failed") and vm.status_power == Power.ON and seen.power in OFF:
        recent = [*vm.status_crashes, timezone.now().isoformat()][-10:]
        status["status_crashes"] = recent
    status["status_addresses"] = addresses(vm, cards)
    return status


def running_of(spec: MachineSpec) -> dict[str, Any]:
    """The hardware a machine runs with, as far as its next start may bring other."""
    return {
        "vcpus": spec.vcpus,
        "memory_bytes": spec.memory_bytes,
        "chipset": spec.chipset,
        "firmware": spec.firmware.value,
        "secure_boot": spec.secure_boot,
        "disks": [disk.name for disk in spec.disks],
        "cards": [nic.network for nic in spec.nics],
    }


def cards_of(vm: VirtualMachine) -> Iterable[NetworkInterface]:
    return NetworkInterface.objects.filter(machine_uid=vm.uid).select_related("network").order_by("card_name")


def addresses(vm: VirtualMachine, cards: Iterable[NetworkInterface]) -> list[dict[str, Any]]:
    """Each card with its MAC and addresses: what the guest says first, then what it was given."""
    said = {nic["mac"].lower(): nic["addresses"] for nic in vm.status_guest.get("nics", [])}
    return [
        {
            "name": card.card_name,
            "resourceName": card.name,
            "networkName": card.network.name,
            "macAddress": card.mac_address,
            "ipAddresses": list(said.get(card.mac_address) or ([card.ip_address] if card.ip_address else [])),
        }
        for card in cards
    ]


def _drift(vm: VirtualMachine, seen: MachineSeen) -> list[str]:
    """Which parts of the definition somebody changed outside, as far as our words can say it."""
    spec, parts = seen.spec, []
    if spec and vm.status_vcpus not in (None, spec.vcpus):
        parts.append(f"vcpus {vm.status_vcpus} → {spec.vcpus}")
    if spec and vm.status_memory_bytes not in (None, spec.memory_bytes):
        parts.append(f"memory {(vm.status_memory_bytes or 0) >> 20} MiB → {spec.memory_bytes >> 20} MiB")
    return parts or vm.status_drift or ["definition"]


def _state(vm: VirtualMachine, now: Shown) -> dict[str, Any]:
    status: dict[str, Any] = {
        "status_state": now.state.value,
        "status_reason": now.reason,
        "status_message": now.message,
        "status_about": now.about,
    }
    if vm.status_state != now.state:
        status["status_transitions"] = {**vm.status_transitions, now.state.value: timezone.now().isoformat()}
    return status


def _tell_of_change(vm: VirtualMachine, before: tuple[str, str, str]) -> None:
    after = (vm.status_power, vm.status_state, vm.status_reason)
    if before[1:] == after[1:]:
        return
    level = "Warning" if vm.status_state in WORRYING or vm.status_reason == "Crashed" else "Normal"
    sentence = vm.status_message or f"{before[1]} → {vm.status_state}"
    events.record(KIND, vm.uid, vm.name, vm.namespace, vm.status_reason or vm.status_state, sentence, level=level)


def record_foreign(runtime: Runtime, seen: MachineSeen) -> VirtualMachine:
    """The row of a machine that was made outside; it shows, and can be started, stopped and adopted."""
    vm, made = VirtualMachine.objects.get_or_create(
        uid=seen.uid,
        defaults={
            "name": seen.name[:255],
            "namespace": "",
            "managed": False,
            "runtime": runtime,
            "spec_power": seen.power,
        },
    )
    if made:
        tell(vm, "ADDED")
    elif not vm.managed and vm.name != seen.name[:255]:
        VirtualMachine.objects.filter(uid=vm.uid).update(name=seen.name[:255])
    return vm


def record_all(runtime: Runtime, machines: list[MachineSeen]) -> list[UUID]:
    """Store one look at a whole runtime. The uids of machines that are not as wished.

    Most are as they were half a minute ago. Asking and writing for each of ten thousand took so long that hints waited
    for seconds, and what had just changed was shown late: who is the same costs no query of its own.
    """
    rows = {vm.uid: vm for vm in VirtualMachine.objects.filter(runtime=runtime)}
    operations = {op.subject_uid: op for op in Operation.objects.open().filter(subject_kind=KIND)}
    cards = _all_cards()
    unsettled: list[UUID] = []
    same: list[UUID] = []
    for seen in machines:
        vm, operation = rows.pop(seen.uid, None) or record_foreign(runtime, seen), operations.get(seen.uid)
        if operation is None and _is_settled(vm) and _is_same(vm, seen, cards.get(vm.uid, ())):
            same.append(vm.uid)
        else:
            unsettled += _record_one(vm, seen, operation)
    for vm in rows.values():
        if vm.managed:
            unsettled += _record_one(vm, None, operations.get(vm.uid))
        else:
            vm.delete()
            tell(vm, "DELETED")
    for some in range(0, len(same), AT_ONCE):
        VirtualMachine.objects.filter(uid__in=same[some : some + AT_ONCE]).update(status_as_of=timezone.now())
    return unsettled


def _all_cards() -> dict[UUID | None, list[NetworkInterface]]:
    found: dict[UUID | None, list[NetworkInterface]] = defaultdict(list)
    for card in NetworkInterface.objects.exclude(machine_uid=None).select_related("network").order_by("card_name"):
        found[card.machine_uid].append(card)
    return found


def _is_same(vm: VirtualMachine, seen: MachineSeen, cards: Iterable[NetworkInterface]) -> bool:
    """Whether there is nothing to write down but that it was seen."""
    status = _hardware(vm, seen, cards) | _state(vm, shown(facts_of(vm, seen)))
    return not vm.differing(status)


def _is_settled(vm: VirtualMachine) -> bool:
    """As wished, with nothing in the way."""
    if vm.status_state in WORRYING or vm.status_state in (State.PENDING, State.PROVISIONING):
        return False
    power = Power.OFF if vm.is_off else Power(vm.status_power)
    return power == vm.spec_power and (
        not vm.managed or (vm.generation == vm.observed_generation and not vm.deletion_requested_at)
    )


def _record_one(vm: VirtualMachine, seen: MachineSeen | None, operation: Operation | None) -> list[UUID]:
    """A machine with something in the way keeps its reason: only a full look, with everything assembled, changes it."""
    if vm.status_state in WORRYING or vm.status_state in (State.PENDING, State.PROVISIONING):
        return [vm.uid]
    record_seen(vm, seen, operation=operation)
    if not vm.managed:
        if seen and not operation and vm.spec_power != seen.power:
            vm.accept(seen.power)
        return []
    return [] if _is_settled(vm) else [vm.uid]


@transaction.atomic
def record_unreachable(runtime: Runtime, message: str) -> None:
    """Nobody answers: every machine's state is unknown, with the reason, and the last facts stay."""
    for vm in VirtualMachine.objects.filter(runtime=runtime).exclude(status_reason="RuntimeUnreachable").iterator():
        vm.status_fault = message
        before = (vm.status_power, vm.status_state, vm.status_reason)
        if vm.record(**_state(vm, shown(facts_of(vm, None, reachable=False)))):
            tell(vm)
        _tell_of_change(vm, before)

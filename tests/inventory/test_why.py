"""Why a machine is not as it should be, row by row; and that no state that nobody asked for goes without a word."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from inventory.reasons import RULES
from inventory.situations import Asked, Host, Situation
from inventory.states import Facts, State, shown
from inventory.why import why
from tests.inventory.test_states import DOWN, NEW, UP
from tests.people import MINE, People, client_of
from vmconsole.runtime.types import Power

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GIB = 1 << 30
OFF = Situation(now=NOW, state="Stopped", power="off", wish="off", as_of=NOW, name="web-1", namespace="a")
ON = replace(OFF, state="Running", power="on", wish="on", off=False, started_at=NOW - timedelta(hours=1))
FAILED = Asked(
    "restart", NOW - timedelta(minutes=5), "carol", "QEMU ended at once.", "QemuFailed", UUID(int=1), NOW, "failed"
)


def told(**what: object) -> Situation:
    return replace(OFF, **what)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("situation", "key", "tone", "piece", "fix"),
    [
        (told(state="Unknown", reason="RuntimeUnreachable", as_of=NOW - timedelta(minutes=10)),
         "RuntimeUnreachable", "bad", "Last seen 10 minutes ago.", "inventory:node_list"),
        (replace(ON, as_of=NOW - timedelta(minutes=5)), "Unseen", "warn", "5 minutes ago", "inventory:node_list"),
        (replace(ON, state="Unknown", reason="NotAnswering"), "NotAnswering", "bad", "", "force-stop"),
        (replace(ON, state="Stopping", asked=Asked("stop", NOW - timedelta(seconds=90))),
         "StopsTooLong", "warn", "90 seconds ago; its grace period is 60 s.", "force-stop"),
        (replace(ON, state="Terminating", finalizers=("backup.example",)),
         "Finalizers", "busy", "backup.example", "yaml"),
        (replace(ON, state="Paused", reason="IOError", host=Host(5 << 20, 20 * GIB)),
         "IOError", "bad", "5 MiB of 20 GiB", "resume"),
        (replace(ON, state="Paused", reason="GuestPanicked"), "GuestPanicked", "bad", "", "reset"),
        (replace(ON, state="Paused", reason="Watchdog"), "Watchdog", "bad", "", "reset"),
        (told(state="ErrorPvcNotFound", reason="MachineDiskNotFound", message="No disk d.", about="d"),
         "MachineDiskNotFound", "bad", "No disk d.", "storage:disk_create"),
        (told(reason="DiskInUse", message="It is attached to b."), "DiskInUse", "bad", "attached to b", "disks"),
        (told(state="DataVolumeError", reason="MachineDiskMisconfig", message="404", about="d"),
         "MachineDiskMisconfig", "bad", "404", "storage:disk_retry"),
        (told(state="Provisioning", reason="WaitingForDisk"), "WaitingForDisk", "busy", "", "storage:disk_detail"),
        (told(reason="NetworkNotFound", about="lab"), "NetworkNotFound", "bad", "", "networking:network_create"),
        (told(reason="MacAddressInUse", message="MAC of b."), "MacAddressInUse", "bad", "MAC of b.", "yaml"),
        (told(reason="AddressInUse"), "AddressInUse", "bad", "", "yaml"),
        (told(reason="NetworkFull", about="lab"), "NetworkFull", "bad", "", "networking:network_detail"),
        (told(reason="InterfaceCreationFailed"), "InterfaceCreationFailed", "bad", "", "network"),
        (told(reason="MachineTypeNotFound", about="big"), "MachineTypeNotFound", "bad", "", "inventory:type_create"),
        (told(reason="ReferencedSecretDataNotFound", about="s"), "ReferencedSecretDataNotFound", "bad", "", "yaml"),
        (told(reason="SeedFailed"), "InvalidCloudInitUserdata", "bad", "", "yaml"),
        (told(reason="InsufficientResources", message="3Gi too little"),
         "InsufficientResources", "bad", "3Gi too little", "inventory:node_list"),
        (told(reason="InsufficientMemory"), "InsufficientMemory", "bad", "", "configuration#c-size"),
        (told(reason="TooManyCPUs"), "TooManyCPUs", "bad", "", "configuration#c-size"),
        (told(reason="HostDiskFull", host=Host(0, GIB)), "HostDiskFull", "bad", "0 B of 1 GiB", "disks"),
        (told(reason="NoFreeSlot"), "NoFreeSlot", "bad", "", "configuration"),
        (told(state="Pending", reason="RangeInUse", message="The host has that range."),
         "RangeInUse", "bad", "The host has that range.", "networking:network_list"),
        (told(reason="NetworkMissing"), "NetworkMissing", "bad", "", "networking:network_list"),
        (told(reason="MissingHostInterface"), "MissingHostInterface", "bad", "", "networking:network_list"),
        (told(reason="DiskMissing"), "DiskMissing", "bad", "", "disks"),
        (told(reason="DiskForbidden"), "DiskForbidden", "bad", "", "disks"),
        (told(reason="DiskDamaged"), "DiskDamaged", "bad", "", "disks"),
        (told(reason="FirmwareMissing"), "FirmwareMissing", "bad", "", "configuration#c-system"),
        (told(reason="AcceleratorMissing"), "AcceleratorMissing", "bad", "", "inventory:node_list"),
        (told(state="Pending", reason="KubevirtVMCreationFailed"), "KubevirtVMCreationFailed", "bad", "", "events"),
        (told(reason="QemuFailed"), "QemuFailed", "bad", "", "events"),
        (told(state="ErrorConfiguration", reason="MachineVanished"), "MachineVanished", "bad", "", "start"),
        (told(state="CrashLoopBackOff", reason="Crashed", crashes=3, next_try=NOW + timedelta(seconds=10)),
         "CrashLoop", "bad", "3 times in the last 10 minutes. · It is started again in 10 seconds.", "logs"),
        (told(reason="Crashed", crashes=1), "Crashed", "bad", "1 time in the last 10 minutes.", "start"),
        (told(reason="Timeout", message="Not within 10 minutes."), "Timeout", "bad", "Not within", "start"),
        (told(reason="Unknown"), "Unknown", "bad", "", "start"),
        (told(state="Starting", declared="Running", wish="on"), "Declared", "busy", "", "declare"),
        (replace(ON, declared="Stopped"), "DeclaredOff", "busy", "", "declare"),
        (replace(ON, last=FAILED), "OperationFailed", "bad", "QEMU ended at once. · Asked by carol.",
         "operations:operation_detail"),
        (told(reason="GuestShutdown"), "GuestShutdown", "off", "", "start"),
        (told(reason="SomethingNew", message="New words."), "Reason", "bad", "New words.", "events"),
        (replace(ON, drift=("vcpus 1 → 2",)), "Drift", "warn", "vcpus 1 → 2", "drift"),
        (replace(ON, pending=True), "Pending", "busy", "", "restart"),
        (told(state="Pending"), "Unmade", "off", "", "start"),
        (told(state="Unknown"), "State", "bad", "", "events"),
        (replace(ON, agent_at=NOW - timedelta(minutes=12)), "AgentSilent", "warn", "12 minutes ago", "console"),
        (replace(ON, accelerator="tcg", host=Host(slow_because="No KVM here.")),
         "Emulated", "off", "No KVM here.", "inventory:node_list"),
    ],
)  # fmt: skip
def test_a_row(situation: Situation, key: str, tone: str, piece: str, fix: str) -> None:
    line = why(situation)
    assert line is not None
    assert (line.key, line.tone) == (key, tone)
    assert piece in line.evidence
    assert line.fixes[0].target == fix
    assert "%(" not in line.sentence


def test_every_row_is_in_the_test_above() -> None:
    (mark,) = test_a_row.pytestmark  # type: ignore[attr-defined]
    assert {rule.key for rule in RULES} == {case[1] for case in mark.args[1]}


@pytest.mark.parametrize(
    "situation",
    [
        ON,
        OFF,
        replace(ON, accelerator="kvm"),
        replace(ON, state="Stopping", asked=Asked("stop", NOW - timedelta(seconds=5))),  # it has its time
        replace(OFF, state="Starting", wish="on", asked=Asked("start", NOW)),  # its operation is told above
        replace(ON, last=FAILED, asked=Asked("start", NOW)),  # it is tried again
        replace(ON, agent_at=NOW - timedelta(hours=2)),  # that was before it was started
        told(reason="GuestShutdown", since=NOW, last=Asked("stop", NOW, ended_at=NOW, state="done")),
    ],
)
def test_what_is_as_asked_has_no_line(situation: Situation) -> None:
    assert why(situation) is None


@pytest.mark.parametrize(
    "facts",
    [
        replace(UP, reachable=False, fault="no answer"),
        replace(UP, power=Power.UNKNOWN),
        replace(UP, power=Power.PAUSED, stop_reason="io-error"),
        replace(DOWN, stop_reason="crashed"),
        replace(DOWN, stop_reason="failed", fault="range", fault_reason="RangeInUse"),
        replace(DOWN, wish=Power.ON, declared=True, crashes=3, stop_reason="crashed"),
        replace(DOWN, power=None),
        *(replace(NEW, missing=(word, "…")) for word in ("MachineDiskNotFound", "NetworkNotFound", "DiskInUse")),
        replace(NEW, disk_failed="…"),
        replace(NEW, unschedulable="…"),
        replace(NEW, asked=None, wish=Power.OFF, fault="The host has that range.", fault_reason="RangeInUse"),
        replace(NEW, asked=None, wish=Power.OFF, fault="Refused."),
        replace(NEW, asked=None, wish=Power.OFF),
    ],
)
def test_no_state_that_nobody_asked_for_goes_without_a_word(facts: Facts) -> None:
    now = shown(facts)
    assert why(told(state=now.state, reason=now.reason, message=now.message, about=now.about)) is not None


def test_a_failed_create_shows_its_reason() -> None:
    now = shown(replace(NEW, asked=None, wish=Power.OFF, fault="The host has that range.", fault_reason="RangeInUse"))
    assert (now.state, now.reason, now.message) == (State.PENDING, "RangeInUse", "The host has that range.")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["networks/new", "disks/new", "types/new"])
def test_the_page_that_makes_what_is_missing_has_its_name_already(page: str, people: People) -> None:
    text = client_of(people.erin).get(f"/{page}", {"name": "lab", "namespace": MINE}).content.decode()
    assert '<input type="text" name="name" value="lab"' in text

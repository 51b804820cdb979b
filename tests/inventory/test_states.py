"""What people see, row by row."""

from dataclasses import replace

import pytest

from inventory.rules import Verb
from inventory.states import Facts, State, shown
from vmconsole.runtime.types import Power

UP = Facts(power=Power.ON, wish=Power.ON)
DOWN = Facts(power=Power.OFF, wish=Power.OFF)
NEW = Facts(power=None, wish=Power.ON, made=False, asked=Verb.CREATE)


@pytest.mark.parametrize(
    ("facts", "state", "reason"),
    [
        (UP, State.RUNNING, ""),
        (DOWN, State.STOPPED, ""),
        (replace(UP, reachable=False), State.UNKNOWN, "RuntimeUnreachable"),
        (replace(UP, power=Power.UNKNOWN), State.UNKNOWN, "NotAnswering"),
        (replace(UP, power=Power.PAUSED), State.PAUSED, ""),
        (replace(UP, deleting=True), State.TERMINATING, ""),
        (replace(UP, wish=Power.OFF, asked=Verb.STOP), State.STOPPING, ""),
        (replace(UP, asked=Verb.RESTART), State.STOPPING, ""),
        (replace(UP, asked=Verb.RESTART, stopped=True), State.RUNNING, ""),
        (replace(UP, wish=Power.OFF, declared=True), State.STOPPING, ""),
        (replace(DOWN, wish=Power.ON, asked=Verb.START), State.STARTING, ""),
        (replace(DOWN, stop_reason="crashed"), State.STOPPED, "Crashed"),
        (replace(DOWN, stop_reason="shutdown"), State.STOPPED, "GuestShutdown"),
        (replace(DOWN, wish=Power.ON, declared=True, crashes=3, stop_reason="crashed"), State.CRASH_LOOP, "Crashed"),
        (replace(DOWN, wish=Power.ON, declared=True, crashes=2, stop_reason="crashed"), State.STARTING, ""),
        (replace(NEW, missing=("MachineDiskNotFound", "…")), State.DISK_NOT_FOUND, "MachineDiskNotFound"),
        (replace(NEW, missing=("NetworkNotFound", "…")), State.MISCONFIGURED, "NetworkNotFound"),
        (replace(NEW, missing=("MachineTypeNotFound", "…")), State.MISCONFIGURED, "MachineTypeNotFound"),
        (replace(NEW, disk_waiting="disk is being made"), State.PROVISIONING, "WaitingForDisk"),
        (replace(NEW, disk_failed="cut short"), State.DISK_ERROR, "MachineDiskMisconfig"),
        (replace(NEW, unschedulable="no room"), State.UNSCHEDULABLE, "InsufficientResources"),
        # Seen off a moment before the loop takes that for somebody's wish: no flicker of "Starting".
        (replace(DOWN, wish=Power.ON), State.STOPPED, ""),
        (NEW, State.STARTING, ""),
        (replace(NEW, wish=Power.OFF), State.PENDING, ""),
        # A running machine whose disk row was deleted still runs: what is missing matters at the next start.
        (replace(UP, missing=("MachineDiskNotFound", "…")), State.RUNNING, ""),
        (replace(DOWN, missing=("MachineDiskNotFound", "…")), State.STOPPED, ""),
        (replace(DOWN, power=None), State.MISCONFIGURED, "MachineVanished"),
    ],
)
def test_state(facts: Facts, state: State, reason: str) -> None:
    now = shown(facts)
    assert (now.state, now.reason) == (state, reason)

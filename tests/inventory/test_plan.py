"""The decisions over machines, as a table."""

from dataclasses import replace
from uuid import UUID

import pytest

from inventory.plan import (
    Accept,
    Apply,
    Delete,
    Forget,
    NoteStopped,
    Send,
    SetPower,
    Settled,
    Step,
    Vanished,
    Wait,
    Want,
    next_step,
)
from inventory.rules import Verb
from vmconsole.runtime.types import Job, MachineSeen, MachineSpec, Power

SPEC = MachineSpec(UUID(int=1), "default", "web-1", vcpus=2, memory_bytes=2 << 30)
ON = MachineSeen(SPEC.uid, "web-1", Power.ON, SPEC, revision="7")
OFF = replace(ON, power=Power.OFF)
CRASHED = replace(ON, power=Power.CRASHED, stop_reason="crashed")
PAUSED = replace(ON, power=Power.PAUSED)
ENDING = replace(ON, power=Power.STOPPING)
MOVING = replace(ON, job=Job("migrate", percent=40))
UNKNOWN = replace(ON, power=Power.UNKNOWN)
PENDING = replace(ON, pending=True)
FOREIGN = replace(ON, ours=False)
GONE = None

RUN = Want(SPEC, Power.ON)
HALT = Want(SPEC, Power.OFF)


@pytest.mark.parametrize(
    ("want", "seen", "step"),
    [
        (RUN, ON, Settled()),
        (HALT, OFF, Settled()),
        (HALT, CRASHED, Settled()),
        (replace(RUN, asked=Verb.START), OFF, SetPower(Power.ON)),
        (replace(RUN, asked=Verb.START), CRASHED, SetPower(Power.ON)),
        # Shut down from inside the guest: somebody's wish, unless the owner declared otherwise.
        (RUN, OFF, Accept(Power.OFF)),
        (replace(RUN, declared=True), OFF, SetPower(Power.ON)),
        # One that keeps crashing is not started again at once.
        (replace(RUN, declared=True, rejoin=30.0), CRASHED, Wait(30.0)),
        (replace(RUN, declared=True, rejoin=30.0, asked=Verb.START), CRASHED, SetPower(Power.ON)),
        # In the trash: off and left alone, whatever else is wished of it.
        (replace(RUN, trashed=True, declared=True, unapplied=True), OFF, Settled()),
        (replace(RUN, trashed=True, unapplied=True), GONE, Settled()),
        (replace(HALT, trashed=True), ON, SetPower(Power.OFF)),
        (replace(HALT, trashed=True, asked=Verb.TRASH, force=True), ON, SetPower(Power.OFF, force=True)),
        (replace(HALT, trashed=True), PAUSED, SetPower(Power.OFF, force=True)),
        (replace(HALT, trashed=True), UNKNOWN, Wait(1.0)),
        (replace(HALT, trashed=True, deleting=True), OFF, Delete()),
        # Out of it: made again where it is gone, and done where something it refers to is missing.
        (replace(HALT, asked=Verb.RESTORE), OFF, Settled()),
        (replace(HALT, asked=Verb.RESTORE), GONE, Apply(SPEC)),
        (replace(HALT, spec=None, asked=Verb.RESTORE), GONE, Settled()),
        # Started by virsh although declared off.
        (replace(HALT, declared=True), ON, SetPower(Power.OFF)),
        (HALT, ON, Accept(Power.ON)),
        # Ask the guest first; force when its time is over, or when it cannot hear us.
        (replace(HALT, asked=Verb.STOP), ON, SetPower(Power.OFF)),
        (replace(HALT, asked=Verb.STOP, force=True), ON, SetPower(Power.OFF, force=True)),
        (replace(HALT, asked=Verb.STOP), PAUSED, SetPower(Power.OFF, force=True)),
        (replace(HALT, asked=Verb.STOP), OFF, Settled()),
        # The guest has ended and its QEMU has not: it gets the same time.
        (replace(HALT, asked=Verb.STOP), ENDING, Wait(1.0)),
        (replace(HALT, asked=Verb.STOP, force=True), ENDING, SetPower(Power.OFF, force=True)),
        (replace(HALT, asked=Verb.FORCE_STOP, force=True), ENDING, SetPower(Power.OFF, force=True)),
        (replace(RUN, asked=Verb.RESTART, force=True), ENDING, SetPower(Power.OFF, force=True)),
        (replace(RUN, asked=Verb.EDIT, force=True), ENDING, Wait(1.0)),
        (replace(HALT, trashed=True, force=True), ENDING, SetPower(Power.OFF, force=True)),
        # Never touch a machine while the runtime is busy with it, or while it does not say what it does.
        (replace(HALT, asked=Verb.STOP), MOVING, Wait(1.0)),
        (replace(HALT, asked=Verb.STOP), UNKNOWN, Wait(1.0)),
        (replace(Want(SPEC, Power.PAUSED), asked=Verb.PAUSE), ON, SetPower(Power.PAUSED)),
        (replace(RUN, asked=Verb.RESUME), PAUSED, SetPower(Power.ON)),
        (replace(Want(SPEC, Power.PAUSED), asked=Verb.PAUSE), OFF, Accept(Power.OFF)),
        # A restart is a stop that is remembered, then a start.
        (replace(RUN, asked=Verb.RESTART), ON, SetPower(Power.OFF)),
        (replace(RUN, asked=Verb.RESTART, force=True), ON, SetPower(Power.OFF, force=True)),
        (replace(RUN, asked=Verb.RESTART), OFF, NoteStopped()),
        (replace(RUN, asked=Verb.RESTART, stopped=True), OFF, SetPower(Power.ON)),
        (replace(RUN, asked=Verb.RESTART, stopped=True), ON, Settled()),
        (replace(RUN, asked=Verb.RESET), ON, Send(Verb.RESET)),
        (replace(RUN, asked=Verb.RESET), OFF, Settled()),
        # A newer wish is applied before anything else; a machine made outside is never shaped.
        (replace(RUN, unapplied=True, asked=Verb.EDIT), ON, Apply(SPEC)),
        (replace(RUN, unapplied=True), OFF, Apply(SPEC)),
        (replace(RUN, unapplied=True), FOREIGN, Settled()),
        # An edit that asked for a restart gets one, once the change is written and not yet in effect.
        (replace(RUN, asked=Verb.EDIT, restart_to_apply=True), PENDING, SetPower(Power.OFF)),
        (replace(RUN, asked=Verb.EDIT, restart_to_apply=True), OFF, SetPower(Power.ON)),
        (replace(RUN, asked=Verb.EDIT, restart_to_apply=True), ON, Settled()),
        (replace(RUN, asked=Verb.EDIT), PENDING, Settled()),
        # Not there.
        (replace(RUN, asked=Verb.CREATE, unapplied=True), GONE, Apply(SPEC)),
        (replace(RUN, asked=Verb.CREATE, unapplied=True, spec=None), GONE, Wait(30.0)),
        (RUN, GONE, Vanished()),
        (replace(HALT, asked=Verb.STOP), GONE, Vanished()),
        (replace(RUN, asked=Verb.START), GONE, Apply(SPEC)),
        (replace(RUN, declared=True), GONE, Apply(SPEC)),
        (replace(RUN, deleting=True), ON, Delete()),
        (replace(RUN, deleting=True, asked=Verb.DELETE), MOVING, Delete()),
        (replace(RUN, deleting=True), GONE, Forget()),
        # Refers to something that is missing: it cannot start, and it may still be stopped.
        (replace(RUN, asked=Verb.START, spec=None), OFF, Wait(30.0)),
        (replace(HALT, asked=Verb.STOP, spec=None), ON, SetPower(Power.OFF)),
    ],
)
def test_next_step(want: Want, seen: MachineSeen | None, step: Step) -> None:
    assert next_step(want, seen) == step


def test_a_stop_during_the_second_half_of_a_restart_does_not_stop_again() -> None:
    """The machine runs again after a restart: the restart is over, whatever its grace period says."""
    assert next_step(replace(RUN, asked=Verb.RESTART, stopped=True, force=True), ON) == Settled()

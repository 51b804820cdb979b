"""What to do next with a machine: spec + status -> one step. Pure, so that every case is a row of a table test.

The only place of the product that decides over machines. Nothing here waits, reads a clock or talks to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

from inventory.rules import OFF, Verb
from vmconsole.runtime.types import MachineSeen, MachineSpec, Power

ASK_AGAIN = 5.0  # a guest that still boots misses the power button, so it is pressed again
LOOK_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class Want:
    """What should hold.

    `declared`: `runningState` is set, so `power` is a standing wish. `asked`: the open operation's verb. `force`: the
    grace period is over. `stopped`: the open restart has seen the machine off. `unapplied`: the wish's number is
    newer than the one last applied. `trashed`: nothing is made, applied or started in there. `rejoin`: seconds to wait
    before a declared machine is started again.
    """

    spec: MachineSpec | None
    power: Power
    declared: bool = False
    asked: Verb | None = None
    force: bool = False
    stopped: bool = False
    unapplied: bool = False
    deleting: bool = False
    trashed: bool = False
    restart_to_apply: bool = False
    rejoin: float = 0.0


@dataclass(frozen=True, slots=True)
class Settled:
    """All is as wished."""


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Apply:
    spec: MachineSpec


@dataclass(frozen=True, slots=True)
class SetPower:
    power: Power
    force: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Something that happens once and cannot be seen afterwards."""

    verb: Verb


@dataclass(frozen=True, slots=True)
class NoteStopped:
    """The first half of a restart is done."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Changed outside: somebody's wish, so it becomes ours."""

    power: Power


@dataclass(frozen=True, slots=True)
class Delete:
    """Take the machine away."""


@dataclass(frozen=True, slots=True)
class Forget:
    """The machine is gone; so goes the row."""


@dataclass(frozen=True, slots=True)
class Vanished:
    """Removed outside. What was asked of it fails, except a start, which makes it again."""


Step = Settled | Wait | Apply | SetPower | Send | NoteStopped | Accept | Delete | Forget | Vanished


def next_step(want: Want, seen: MachineSeen | None) -> Step:
    """One step, or Settled. `want.spec` None: it refers to something missing, so it cannot be made or started."""
    if want.deleting:
        return _towards_gone(seen)
    if want.trashed:
        return _towards_rest(want, seen)
    if seen is None:
        return _towards_being(want)
    if _is_stuck(want, seen):
        return SetPower(Power.OFF, force=True)
    if seen.job or seen.power in (Power.STARTING, Power.STOPPING):
        return Wait(LOOK_AGAIN)
    if want.unapplied and want.spec and seen.ours:
        return Apply(want.spec)
    if want.asked is Verb.RESET:
        return Send(want.asked) if seen.power not in OFF else Settled()
    if want.asked is Verb.RESTART or (want.restart_to_apply and seen.pending):
        return _restart(want, seen)
    return _towards_power(want, seen)


def _is_stuck(want: Want, seen: MachineSeen) -> bool:
    """A guest that has ended, in a QEMU that has not: it is given its time like one that does not end."""
    stops = want.trashed or want.asked in (Verb.STOP, Verb.RESTART, Verb.FORCE_STOP)
    return stops and want.force and seen.power is Power.STOPPING and not seen.job


def _towards_gone(seen: MachineSeen | None) -> Step:
    return Delete() if seen else Forget()


def _towards_rest(want: Want, seen: MachineSeen | None) -> Step:
    """Off, and left alone: the guest is asked first, and forced when the time of whoever threw it away is over."""
    if seen is None or seen.power in OFF:
        return Settled()
    if _is_stuck(want, seen):
        return SetPower(Power.OFF, force=True)
    if seen.job or seen.power in (Power.STARTING, Power.STOPPING, Power.UNKNOWN):
        return Wait(LOOK_AGAIN)
    return SetPower(Power.OFF, force=want.force or seen.power is Power.PAUSED)


def _towards_being(want: Want) -> Step:
    if want.asked is Verb.RESTORE:  # out of the trash it is whatever else it refers to; what is missing it says later
        return Apply(want.spec) if want.spec else Settled()
    if (
        want.asked in (Verb.CREATE, Verb.START, Verb.EDIT)
        or want.unapplied
        or (want.declared and want.power is Power.ON)
    ):
        return Apply(want.spec) if want.spec else Wait(LOOK_AGAIN * 30)
    return Vanished()


def _restart(want: Want, seen: MachineSeen) -> Step:
    if want.stopped:
        return SetPower(Power.ON) if seen.power in OFF else Settled()
    if seen.power in OFF:
        return NoteStopped()
    return SetPower(Power.OFF, force=want.force or seen.power is Power.PAUSED)


def _towards_power(want: Want, seen: MachineSeen) -> Step:
    power = Power.OFF if seen.power in OFF else seen.power
    if power is Power.UNKNOWN:
        return Wait(LOOK_AGAIN)
    if power is want.power:
        return Settled()
    ours = want.asked is not None or want.declared
    if not ours:
        return Accept(power)
    if want.power is Power.ON and want.spec is None and power is Power.OFF and seen.ours:
        return Wait(LOOK_AGAIN * 30)
    if want.power is Power.ON and want.asked is None and want.rejoin > 0:
        return Wait(want.rejoin)
    if want.power is Power.PAUSED and power is Power.OFF:
        return Accept(Power.OFF)
    force = want.power is Power.OFF and (want.force or power is Power.PAUSED)
    return SetPower(want.power, force=force)

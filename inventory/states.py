"""The state a person sees, computed in one ordered table: the first row that fits wins. Pure.

States and reasons are those of VM Runtime that can occur on one host, and four reasons of our own for things that
its cluster never shows (Crashed, GuestShutdown, MachineVanished, RuntimeUnreachable).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from inventory.rules import Verb
from vmconsole.runtime.types import Power


class State(StrEnum):
    PENDING = "Pending"
    PROVISIONING = "Provisioning"
    STARTING = "Starting"
    RUNNING = "Running"
    PAUSED = "Paused"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    TERMINATING = "Terminating"
    CRASH_LOOP = "CrashLoopBackOff"
    UNKNOWN = "Unknown"
    UNSCHEDULABLE = "ErrorUnschedulable"
    DISK_ERROR = "DataVolumeError"
    DISK_NOT_FOUND = "ErrorPvcNotFound"
    MISCONFIGURED = "ErrorConfiguration"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a machine. `missing` is (reason, sentence) of a reference that does not hold, `about` the name
    of what is in the way. `fault_reason` is the runtime's word for `fault`, empty when it gave none."""

    power: Power | None
    wish: Power
    reachable: bool = True
    deleting: bool = False
    made: bool = True
    declared: bool = False
    asked: Verb | None = None
    stopped: bool = False
    missing: tuple[str, str] = ("", "")
    disk_waiting: str = ""
    disk_failed: str = ""
    about: str = ""
    unschedulable: str = ""
    fault: str = ""
    fault_reason: str = ""
    crashes: int = 0
    stop_reason: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    state: State
    reason: str = ""
    message: str = ""
    about: str = ""


UNMADE = "KubevirtVMCreationFailed"
# Halted by its QEMU, not by a person: why, in the runtime's word and in ours.
HALTED = {"io-error": "IOError", "panicked": "GuestPanicked", "watchdog": "Watchdog"}
CRASH_LOOP = 3  # crashes within the crash window before we say that it will not work by itself
Row = tuple[Callable[[Facts], bool], Callable[[Facts], Shown] | Shown]


def _off(facts: Facts) -> bool:
    return facts.power in (None, Power.OFF, Power.CRASHED)


def _wants_on(facts: Facts) -> bool:
    return facts.wish is Power.ON


def _will_start(facts: Facts) -> bool:
    """Off, and somebody is about to change that. Without a request or a declaration nobody is: see plan.Accept."""
    return _off(facts) and _wants_on(facts) and (facts.asked is not None or facts.declared)


TABLE: tuple[Row, ...] = (
    (lambda f: not f.reachable, lambda f: Shown(State.UNKNOWN, "RuntimeUnreachable", f.fault)),
    (lambda f: f.deleting, Shown(State.TERMINATING)),
    (lambda f: f.power is Power.UNKNOWN, lambda f: Shown(State.UNKNOWN, "NotAnswering", f.fault)),
    (
        lambda f: (
            f.power is Power.STOPPING
            or (
                f.power in (Power.ON, Power.PAUSED)
                and (
                    f.asked in (Verb.STOP, Verb.FORCE_STOP, Verb.TRASH, Verb.RESTORE)
                    or (f.asked is Verb.RESTART and not f.stopped)
                    or (f.declared and f.wish is Power.OFF)
                )
            )
        ),
        Shown(State.STOPPING),
    ),
    (
        lambda f: f.power is Power.PAUSED and f.stop_reason in HALTED,
        lambda f: Shown(State.PAUSED, HALTED[f.stop_reason]),
    ),
    (lambda f: f.power is Power.PAUSED, Shown(State.PAUSED)),
    (lambda f: f.power is Power.ON, Shown(State.RUNNING)),
    (lambda f: f.power is Power.STARTING, Shown(State.STARTING)),
    (
        lambda f: f.missing[0] == "MachineDiskNotFound" and (_wants_on(f) or not f.made),
        lambda f: Shown(State.DISK_NOT_FOUND, *f.missing, f.about),
    ),
    (
        lambda f: bool(f.missing[0]) and (_wants_on(f) or not f.made),
        lambda f: Shown(State.MISCONFIGURED, *f.missing, f.about),
    ),
    (
        lambda f: bool(f.disk_failed) and (_wants_on(f) or not f.made),
        lambda f: Shown(State.DISK_ERROR, "MachineDiskMisconfig", f.disk_failed, f.about),
    ),
    (
        lambda f: bool(f.disk_waiting) and (_wants_on(f) or not f.made),
        lambda f: Shown(State.PROVISIONING, "WaitingForDisk", f.disk_waiting, f.about),
    ),
    (
        lambda f: bool(f.unschedulable) and _wants_on(f),
        lambda f: Shown(State.UNSCHEDULABLE, "InsufficientResources", f.unschedulable),
    ),
    (
        lambda f: f.crashes >= CRASH_LOOP and _will_start(f),
        lambda f: Shown(State.CRASH_LOOP, f.fault_reason or "Crashed", f.fault),
    ),
    (_will_start, Shown(State.STARTING)),
    (lambda f: not f.made and bool(f.fault), lambda f: Shown(State.PENDING, f.fault_reason or UNMADE, f.fault)),
    (lambda f: not f.made, Shown(State.PENDING)),
    (lambda f: f.power is None, lambda f: Shown(State.MISCONFIGURED, "MachineVanished", f.fault)),
    (lambda f: bool(f.fault_reason), lambda f: Shown(State.STOPPED, f.fault_reason, f.fault)),
    (lambda f: f.stop_reason in ("crashed", "failed"), lambda f: Shown(State.STOPPED, "Crashed", f.fault)),
    (lambda f: f.stop_reason == "shutdown", Shown(State.STOPPED, "GuestShutdown", "")),
    (lambda _: True, Shown(State.STOPPED)),
)


def shown(facts: Facts) -> Shown:
    show = next(show for fits, show in TABLE if fits(facts))
    return show if isinstance(show, Shown) else show(facts)

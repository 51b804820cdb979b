"""The table of the “why?” line: what goes wrong with a machine on a host, in words, with evidence and fixes.

Ordered: the first row that fits is shown. What hides everything else comes first (nobody answers), then what keeps it
from running, then what it merely waits for, and last what is only worth knowing. A reason without a row shows as its
message; a state that is not what was asked always has a line.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from inventory.rules import Verb
from inventory.situations import Situation
from inventory.states import State
from inventory.why import Fix, Rule, Tone
from vmconsole.pages import size

STALE = timedelta(minutes=3)  # the controller looks every 30 s
AGENT_PATIENCE = timedelta(minutes=3)  # it is asked every minute
Fits = Callable[[Situation], bool]

# --- what helps ---------------------------------------------------------------------------------------------------
NODE = Fix(_("Look at the node"), "page", "inventory:node_list", right="cluster-view")
DISKS = Fix(_("Look at its disks"), "tab", "disks")
CARDS = Fix(_("Look at its network"), "tab", "network")
SIZE = Fix(_("Change its size"), "tab", "configuration#c-size", right="edit")
CONFIGURE = Fix(_("Edit its configuration"), "tab", "configuration", right="edit")
MANIFEST = Fix(_("Edit its manifest"), "tab", "yaml", right="edit")
TIMELINE = Fix(_("See what happened"), "tab", "events")
SERIAL = Fix(_("Read its serial log"), "tab", "logs", right="console")
SCREEN = Fix(_("Look at its screen"), "tab", "console", right="console")
NETWORKS = Fix(_("Look at the networks"), "page", "networking:network_list")
NETWORK = Fix(_("Look at the network"), "page", "networking:network_detail", where=(lambda s: s.about,))
DISK = Fix(_("Look at the disk"), "page", "storage:disk_detail", where=(lambda s: s.namespace, lambda s: s.about))
NEW_DISK = Fix(
    _("Create the disk"), "page", "storage:disk_create", right="edit",
    values=(("namespace", lambda s: s.namespace), ("name", lambda s: s.about)),
)  # fmt: skip
RETRY_DISK = Fix(
    _("Make the disk again"), "post", "storage:disk_retry", right="edit",
    where=(lambda s: s.namespace, lambda s: s.about),
)  # fmt: skip
NEW_NETWORK = Fix(
    _("Create the network"), "page", "networking:network_create", right="cluster-edit",
    values=(("name", lambda s: s.about),),
)  # fmt: skip
NEW_TYPE = Fix(
    _("Create the type"), "page", "inventory:type_create", right="cluster-edit",
    values=(("name", lambda s: s.about),),
)  # fmt: skip
START = Fix(_("Start"), "verb", Verb.START)
RESUME = Fix(_("Resume"), "verb", Verb.RESUME)
RESTART = Fix(_("Restart"), "verb", Verb.RESTART)
RESET = Fix(_("Reset"), "verb", Verb.RESET)
FORCE_STOP = Fix(_("Force stop"), "verb", Verb.FORCE_STOP)
UNDECLARE = Fix(_("Stop trying"), "post", "declare", values=(("running_state", lambda _s: ""),), right="edit")
OURS = Fix(_("Use ours"), "post", "drift", values=(("keep", lambda _s: "ours"),), right="edit")
THEIRS = Fix(_("Keep theirs"), "post", "drift", values=(("keep", lambda _s: "theirs"),), right="edit")
OPERATION = Fix(
    _("Open the operation"), "page", "operations:operation_detail",
    where=(lambda s: str(s.failed.uid) if s.failed else "",),
)  # fmt: skip


# --- evidence -----------------------------------------------------------------------------------------------------
def clock(moment: datetime | None, now: datetime) -> str:
    """How long until, or since, in one unit."""
    if moment is None:
        return ""
    seconds = abs(int((moment - now).total_seconds()))
    if seconds < 120:
        return ngettext("%(number)s second", "%(number)s seconds", seconds) % {"number": seconds}
    minutes = seconds // 60
    if minutes < 120:
        return ngettext("%(number)s minute", "%(number)s minutes", minutes) % {"number": minutes}
    hours = minutes // 60
    return ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": hours}


def last_look(s: Situation) -> list[str]:
    return [s.message, gettext("Last seen %(time)s ago.") % {"time": clock(s.as_of, s.now)} if s.as_of else ""]


def crashes(s: Situation) -> list[str]:
    number = ngettext(
        "%(number)s time in the last 10 minutes.", "%(number)s times in the last 10 minutes.", s.crashes
    ) % {"number": s.crashes}
    return [s.message, number if s.crashes else "", next_start(s)]


def next_start(s: Situation) -> str:
    return gettext("It is started again in %(time)s.") % {"time": clock(s.next_try, s.now)} if s.next_try else ""


def overtime(s: Situation) -> list[str]:
    begun = s.asked.at if s.asked else s.since
    values = {"time": clock(begun, s.now), "grace": int(s.grace.total_seconds())}
    return [gettext("It was asked %(time)s ago; its grace period is %(grace)s s.") % values]


def room(s: Situation) -> list[str]:
    if not s.host or not s.host.storage_bytes:
        return [s.message]
    values = {"free": size(s.host.storage_free_bytes), "total": size(s.host.storage_bytes)}
    return [s.message, gettext("The host has %(free)s of %(total)s left.") % values]


def failure(s: Situation) -> list[str]:
    if s.failed is None:
        return []
    return [s.failed.message, gettext("Asked by %(who)s.") % {"who": s.failed.who} if s.failed.who else ""]


def agent(s: Situation) -> list[str]:
    return [gettext("Its last answer came %(time)s ago.") % {"time": clock(s.agent_at, s.now)}]


# --- conditions ---------------------------------------------------------------------------------------------------
def reason(*words: str) -> Fits:
    return lambda s: s.reason in words


def takes_too_long(s: Situation) -> bool:
    """Stopping, and the guest has had its time."""
    if s.state != State.STOPPING:
        return False
    begun = s.asked.at if s.asked else s.since
    return begun is not None and s.now > begun + s.grace


def unseen(s: Situation) -> bool:
    return s.as_of is not None and s.now > s.as_of + STALE


def agent_silent(s: Situation) -> bool:
    if s.agent_at is None or s.power != "on" or s.now < s.agent_at + AGENT_PATIENCE:
        return False
    return s.started_at is None or s.started_at < s.agent_at  # since its start it had answered


def other_than_asked(s: Situation) -> bool:
    """A state that nobody asked for, and nothing under way that would explain it."""
    troubled = (
        State.UNKNOWN, State.UNSCHEDULABLE, State.DISK_ERROR, State.DISK_NOT_FOUND, State.MISCONFIGURED,
        State.CRASH_LOOP, State.PENDING,
    )  # fmt: skip
    return s.state in troubled and s.asked is None


def row(key: str, sentence: Any, *fixes: Fix, tone: Tone = "bad", more: Any = None) -> Rule:
    """A row for one reason, or several that mean the same, separated by blanks."""
    words = tuple(key.split())
    told = more or (lambda s: [s.message])
    return Rule(words[0], reason(*words), sentence, tone, fixes, told, reasons=words)


RULES: tuple[Rule, ...] = (
    # --- nobody knows -------------------------------------------------------------------------------------------
    row("RuntimeUnreachable", _("The runtime does not answer. What is shown is the last that was seen."), NODE,
        more=last_look),
    Rule("Unseen", unseen, _("Nobody has looked at it for a while: what is shown may be old."), "warn", (NODE,),
         last_look, lambda s: s.as_of),
    row("NotAnswering QemuSilent", _("The runtime cannot say what it is doing: its QEMU does not answer."),
        FORCE_STOP, NODE),
    # --- stopping and deleting ----------------------------------------------------------------------------------
    Rule("StopsTooLong", takes_too_long, _("The guest does not shut down within its grace period."), "warn",
         (FORCE_STOP, SCREEN), overtime),
    Rule("Finalizers", lambda s: s.state == State.TERMINATING and bool(s.finalizers),
         _("It is being deleted, and waits until others have let go of it."), "busy", (MANIFEST,),
         lambda s: [gettext("Finalizers: %(names)s") % {"names": ", ".join(s.finalizers)}]),
    # --- halted by QEMU -----------------------------------------------------------------------------------------
    row("IOError", _("One of its disks could not be written, so it was halted. Make room on the host, then resume "
                         "it: the guest goes on where it was."), RESUME, DISKS, more=room),
    row("GuestPanicked", _("Its operating system crashed, and it was halted."), RESET, SCREEN, SERIAL),
    row("Watchdog", _("Its watchdog was not fed, and it was halted."), RESET, SCREEN),
    # --- something it names is missing, failed, or somebody else's ------------------------------------------------
    row("MachineDiskNotFound", _("It names a disk that does not exist: %(about)s. It goes on by itself once the "
                                     "disk is there."), NEW_DISK, CONFIGURE),
    row("DiskInUse", _("One of its disks is in use by somebody else."), DISKS, CONFIGURE),
    row("MachineDiskMisconfig", _("Its disk %(about)s could not be made."), RETRY_DISK, DISK),
    row("WaitingForDisk", _("It waits for a disk."), DISK, tone="busy"),
    row("NetworkNotFound", _("It names a network that does not exist: %(about)s. It goes on by itself once the "
                                 "network is there."), NEW_NETWORK, CONFIGURE),
    row("MacAddressInUse", _("The MAC address that was asked for belongs to another card."), MANIFEST, NETWORK),
    row("AddressInUse", _("The address that was asked for belongs to another card."), MANIFEST, NETWORK),
    row("NetworkFull", _("Its network has no address left to give."), NETWORK, CONFIGURE),
    row("InterfaceCreationFailed", _("One of its network cards could not be made."), CARDS, MANIFEST),
    row("MachineTypeNotFound", _("It names a machine type that does not exist: %(about)s. It goes on by itself "
                                     "once the type is there."), NEW_TYPE, SIZE),
    row("ReferencedSecretDataNotFound", _("The Secret with its start-up data is missing: %(about)s."), MANIFEST),
    row("InvalidCloudInitUserdata SeedFailed", _("Its cloud-init data cannot be read."), MANIFEST),
    # --- no room ------------------------------------------------------------------------------------------------
    row("InsufficientResources", _("No node has room for it."),
        Fix(_("See what is used"), "page", "inventory:node_list", right="cluster-view"), SIZE),
    row("InsufficientMemory", _("The host has not enough free memory for it."), SIZE, NODE),
    row("TooManyCPUs", _("The host cannot give a machine so many CPUs."), SIZE),
    row("HostDiskFull DiskFull", _("The host's disk is full."), DISKS, NODE, more=room),
    row("NoFreeSlot TooManyDisks", _("It has no free slot for another device."), CONFIGURE, RESTART),
    # --- the host ---------------------------------------------------------------------------------------------------
    row("RangeInUse", _("The address range of its network is used on the host already, so the network cannot be "
                            "switched on."), NETWORKS, CONFIGURE),
    row("NetworkMissing NotActive", _("One of its networks is switched off, or gone, on the host."), NETWORKS,
        CONFIGURE),
    row("MissingHostInterface BadBridge", _("The bridge that it should be plugged into is not on the host."),
        NETWORKS, CONFIGURE),
    row("DiskMissing", _("The file of one of its disks is not on the host any more."), DISKS, CONFIGURE),
    row("DiskForbidden", _("QEMU may not open the file of one of its disks."), DISKS, NODE),
    row("DiskDamaged", _("One of its disks is damaged, or not what it was."), DISKS, CONFIGURE),
    row("FirmwareMissing", _("The host has no fitting UEFI firmware."),
        Fix(_("Change its firmware"), "tab", "configuration#c-system", right="edit"), NODE),
    row("AcceleratorMissing", _("The host's hardware virtualization (KVM) cannot be used."), NODE),
    row("KubevirtVMCreationFailed", _("The runtime refused to make it."), TIMELINE, CONFIGURE),
    row("QemuFailed Refused", _("Its QEMU could not be started."), TIMELINE, CONFIGURE),
    row("MachineVanished", _("It was removed from the host outside of this console. Starting it makes it again."),
        START, TIMELINE),
    # --- it ended -----------------------------------------------------------------------------------------------
    Rule("CrashLoop", lambda s: s.state == State.CRASH_LOOP, _("It stops again and again without being asked."),
         "bad", (SERIAL, UNDECLARE), crashes),
    Rule("Crashed", lambda s: s.reason == "Crashed", _("It stopped without being asked."), "bad", (START, SERIAL),
         crashes),
    row("Timeout", _("What was asked last did not happen in time."), START, TIMELINE),
    row("Unknown", _("What was asked last may or may not have happened: the runtime stopped answering."), START,
        TIMELINE),
    Rule("Declared", lambda s: s.declared == "Running" and s.off and s.asked is None and not s.reason,
         _("It is declared “Running” and was stopped, so it is started again."), "busy", (UNDECLARE,),
         lambda s: [next_start(s)]),
    Rule("DeclaredOff", lambda s: s.declared == "Stopped" and not s.off and s.asked is None,
         _("It is declared “Stopped” and runs, so it is being stopped."), "busy", (UNDECLARE, FORCE_STOP),
         lambda _s: []),
    # --- what was asked last --------------------------------------------------------------------------------------
    Rule("OperationFailed", lambda s: s.failed is not None and s.asked is None and s.reason in ("", "GuestShutdown"),
         _("“%(asked)s” failed."), "bad", (OPERATION,), failure,
         lambda s: s.failed.ended_at if s.failed else None),
    Rule("GuestShutdown", lambda s: s.reason == "GuestShutdown" and not s.stopped_by_us,
         _("It was shut down from inside."), "off", (START,)),
    # --- it runs, but not as written --------------------------------------------------------------------------------
    Rule("Reason", lambda s: s.reason not in ("", "GuestShutdown"), "%(reason)s", "bad", (TIMELINE, CONFIGURE)),
    Rule("Drift", lambda s: bool(s.drift), _("It was changed outside of this console."), "warn", (OURS, THEIRS),
         lambda s: [", ".join(s.drift)], lambda _s: None),
    Rule("Pending", lambda s: s.pending and not s.off,
         _("Its configuration was changed; the change holds from its next start."), "busy",
         (RESTART, Fix(_("See what waits"), "tab", "configuration")), lambda _s: [], lambda _s: None),
    Rule("Unmade", lambda s: s.state == State.PENDING and s.asked is None,
         _("It has not been made yet: nobody has started it."), "off", (START,)),
    Rule("State", other_than_asked, _("It is not as it was asked to be, and the runtime gives no reason."), "bad",
         (TIMELINE,)),
    Rule("AgentSilent", agent_silent, _("The agent inside the guest stopped answering: addresses, file systems "
         "and users are not known any more."), "warn", (SCREEN,), agent, lambda s: s.agent_at),
    Rule("Emulated", lambda s: s.power == "on" and s.accelerator in ("qemu", "tcg"),
         _("It runs in software emulation, which is slow: the host offers no hardware virtualization."), "off",
         (NODE,), lambda s: [s.host.slow_because] if s.host else [], lambda _s: None),
)  # fmt: skip

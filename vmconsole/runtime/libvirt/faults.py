"""What libvirt raises, in our six errors, each with a sentence a person can act on.

`translated()` is the only place that catches `libvirt.libvirtError`. libvirt has few codes and many sentences, so the
sentence is looked at first; what it says in full goes to `detail` only, because it names paths and hosts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import NamedTuple, TypeVar

import libvirt

from vmconsole.runtime.errors import Busy, Missing, Rejected, RuntimeFault, Stale, Unreachable, Unsupported

T = TypeVar("T")


class Known(NamedTuple):
    pattern: str
    fault: type[RuntimeFault]
    reason: str
    sentence: str


# First match wins. `{doing}` is what was tried, in the words of the caller.
SENTENCES = [
    Known(
        r"cannot set up guest memory|Cannot allocate memory|cannot allocate RAM",
        Rejected,
        "InsufficientMemory",
        "Could not {doing}: the host has not enough free memory. Give the machine less, or stop another one.",
    ),
    Known(
        r"Failed to get .*lock|is another process using the image",
        Rejected,
        "DiskInUse",
        "Could not {doing}: one of its disks is in use by another process. Stop that one first.",
    ),
    Known(
        r"No such file or directory.*(disks|images|\.qcow2|\.iso|storage)|cannot access storage file.*No such file",
        Rejected,
        "DiskMissing",
        "Could not {doing}: the file of one of its disks is not there. Restore it or detach the disk.",
    ),
    Known(
        r"cannot access storage file.*Permission denied|Could not open '.*Permission denied",
        Rejected,
        "DiskForbidden",
        "Could not {doing}: QEMU may not read the file of one of its disks. Correct owner and mode of the file.",
    ),
    Known(
        r"not in qcow2 format|Image is not in|is corrupt",
        Rejected,
        "DiskDamaged",
        "Could not {doing}: one of its disks is damaged or of another format than recorded.",
    ),
    Known(
        r"No more available PCI slots|No free PCI",
        Rejected,
        "NoFreeSlot",
        "Could not {doing}: the machine has no free slot left. It takes effect at the next start.",
    ),
    Known(
        r"Maximum CPUs greater than|Number of CPUs .* exceed|max vcpus|maximum vcpus|vCPU count",
        Rejected,
        "TooManyCPUs",
        "Could not {doing}: this host's QEMU cannot give a machine so many CPUs.",
    ),
    Known(
        r"network '.*' is not active|Network not found|no network with matching name",
        Rejected,
        "NetworkMissing",
        "Could not {doing}: one of its networks is not there or not active on the host.",
    ),
    Known(
        r"Cannot get interface MTU on|Unable to add port|Cannot find bridge|No such device",
        Rejected,
        "MissingHostInterface",
        "Could not {doing}: the bridge it should be plugged into is not on the host.",
    ),
    Known(
        r"Unable to find .*firmware|Unable to find any firmware|firmware .*not supported",
        Rejected,
        "FirmwareMissing",
        "Could not {doing}: the host has no fitting UEFI firmware. Install the package ovmf.",
    ),
    Known(
        r"/dev/kvm|KVM is not (available|supported)|failed to initialize kvm",
        Rejected,
        "AcceleratorMissing",
        "Could not {doing}: the host's KVM cannot be used. Run the probe again to fall back to emulation.",
    ),
    Known(
        r"UNIX socket path .* too long|Failed to create file .*File name too long",
        Rejected,
        "BadName",
        "Could not {doing}: its name is too long for this host. Letters beyond ASCII count threefold.",
    ),
    Known(
        r"No space left on device",
        Rejected,
        "HostDiskFull",
        "Could not {doing}: the host's disk is full. Make room, then try again.",
    ),
    Known(
        r"Network is already in use by interface",
        Rejected,
        "RangeInUse",
        "Could not {doing}: the host already has that address range. Choose another range.",
    ),
    Known(
        r"bridge name '.*' already in use|already exists with uuid|is already defined with uuid",
        Rejected,
        "NameInUse",
        "Could not {doing}: something with that name is already on the host.",
    ),
    Known(
        r"cannot acquire state change lock|already in the process of unplug|job is already|another job",
        Busy,
        "Busy",
        "Could not {doing}: the host is doing something else to it. Try again in a moment.",
    ),
    Known(
        r"Failed to connect socket.*Permission denied",
        Unreachable,
        "NoRights",
        "Could not {doing}: libvirt's socket is closed to us. Our user must be in the socket's group.",
    ),
    Known(
        r"Failed to connect socket.*(No such file|Connection refused)",
        Unreachable,
        "NotRunning",
        "Could not {doing}: libvirt is not running there. It is tried again by itself.",
    ),
    Known(
        r"End of file while reading data|client socket is closed|Failed to connect socket|Connection (reset|refused)"
        r"|keepalive|internal error: connection closed|Cannot write data: Broken pipe|Cannot recv data",
        Unreachable,
        "Unreachable",
        "Could not {doing}: libvirt on the host does not answer. It is tried again by itself.",
    ),
    Known(
        r"monitor (closed|unexpectedly)|unexpectedly closed the monitor|process exited while connecting to monitor"
        r"|Unable to (read from|write to) monitor",
        Rejected,
        "QemuFailed",
        "Could not {doing}: QEMU ended at once. Its log on the host says why.",
    ),
]

CODES: dict[int, tuple[type[RuntimeFault], str, str]] = {
    libvirt.VIR_ERR_NO_DOMAIN: (Missing, "Missing", "Could not {doing}: it is not on the host any more."),
    libvirt.VIR_ERR_NO_NETWORK: (Missing, "Missing", "Could not {doing}: it is not on the host any more."),
    libvirt.VIR_ERR_OPERATION_INVALID: (Stale, "Stale", "Could not {doing}: its state changed meanwhile. Look again."),
    libvirt.VIR_ERR_OPERATION_TIMEOUT: (Busy, "Busy", "Could not {doing}: the host is busy with it. Try again soon."),
    libvirt.VIR_ERR_RESOURCE_BUSY: (Busy, "Busy", "Could not {doing}: the host is busy with it. Try again soon."),
    libvirt.VIR_ERR_AGENT_UNRESPONSIVE: (Busy, "AgentSilent", "Could not {doing}: the guest agent does not answer."),
    libvirt.VIR_ERR_AGENT_UNSYNCED: (Busy, "AgentSilent", "Could not {doing}: the guest agent does not answer."),
    libvirt.VIR_ERR_NO_SUPPORT: (Unsupported, "Unsupported", "Could not {doing}: this host's libvirt cannot do that."),
    libvirt.VIR_ERR_OPERATION_UNSUPPORTED: (
        Unsupported,
        "Unsupported",
        "Could not {doing}: this host's libvirt or QEMU cannot do that.",
    ),
    libvirt.VIR_ERR_AUTH_FAILED: (Unreachable, "NoRights", "Could not {doing}: libvirt refused us. See the checks."),
    libvirt.VIR_ERR_NO_CONNECT: (Unreachable, "Unreachable", "Could not {doing}: libvirt cannot be reached."),
    libvirt.VIR_ERR_RPC: (Unreachable, "Unreachable", "Could not {doing}: libvirt on the host does not answer."),
}


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Let only our errors out. `doing` completes "Could not …"."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise fault_of(error, doing) from error


def fault_of(error: libvirt.libvirtError, doing: str) -> RuntimeFault:
    detail = error.get_error_message() or str(error)
    code = error.get_error_code()
    for known in SENTENCES:
        if re.search(known.pattern, detail, re.IGNORECASE | re.DOTALL):
            return known.fault(known.sentence.format(doing=doing), detail=detail, reason=known.reason)
    fault, reason, sentence = CODES.get(
        -1 if code is None else code,
        (Rejected, "Refused", "Could not {doing}: libvirt refused. The operator finds the reason in the log."),
    )
    return fault(sentence.format(doing=doing), detail=detail, reason=reason)


class QemuSilent(Busy):
    """A machine's QEMU does not answer. The call that asked still waits for it, and holds its connection."""


def silent(detail: str) -> QemuSilent:
    return QemuSilent(
        "The machine's QEMU does not answer. Force it off if it stays like this.", detail=detail, reason="QemuSilent"
    )


def answered(call: Callable[[], T], *, within: float) -> T:
    """The answer of a call that has to wait for somebody, or QemuSilent.

    libvirt waits without end for a QEMU that hangs. The call then stays behind in its thread, and ends when QEMU does.
    """
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001  handed to the caller, who waits for it
            answer.set_exception(error)

    Thread(target=ask, name="libvirt-call", daemon=True).start()
    try:
        return answer.result(within)
    except TimeoutError as error:
        raise silent(f"no answer within {within} s") from error


def asked(domain: libvirt.virDomain, call: Callable[[], T], *, within: float) -> T:
    """The answer of a machine's QEMU. One that hangs already is not asked: each call costs libvirtd a worker."""
    if hangs(domain):
        raise silent("another call waits for it already")
    return answered(call, within=within)


WAITING_MS = 1000  # QEMU answers in 7 ms; on a host that swaps in some hundred


def hangs(domain: libvirt.virDomain) -> bool:
    """Whether somebody has been waiting for its QEMU for long. Asks libvirtd only."""
    state, _details, milliseconds = domain.controlInfo()
    return state == libvirt.VIR_DOMAIN_CONTROL_OCCUPIED and milliseconds > WAITING_MS

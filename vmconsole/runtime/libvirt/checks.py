"""Preflight: is everything there that a machine will need, and if not, what to type.

Each check looks for itself and never raises: the page that shows them is most wanted on a host where things are broken.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.types import Check

GIB = 1 << 30
# Below it an import of an ordinary cloud image fails half way.
FREE_STORAGE = 5 * GIB
# What the host's own programs need beside the machines.
HOST_MEMORY = GIB
# /usr/sbin is not in everybody's PATH, and libvirt looks there.
PATHS = os.pathsep.join(["/usr/sbin", "/sbin", "/usr/bin", "/bin"])
PROGRAMS = {
    "qemu-img": ("warning", "qemu-utils", "Disks cannot be imported or converted"),
    "dnsmasq": ("error", "dnsmasq-base", "Machines on NAT networks get no address"),
    "iptables": ("error", "iptables", "NAT networks cannot be started"),
    "nft": ("warning", "nftables", "Network rules cannot be set"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    places: Places
    memory_bytes: int
    promised_bytes: int
    storage_bytes: int
    storage_free_bytes: int
    firmware: frozenset[str]


def run(facts: Facts) -> Iterator[Check]:
    for check in CHECKS:
        yield check(facts)
    for program in PROGRAMS:
        yield program_there(program)


def acceleration(facts: Facts) -> Check:
    name, why = facts.places.accelerator()
    if name == "kvm":
        return Check("acceleration", "ok", why or "Machines run with KVM.")
    return Check(
        "acceleration",
        "warning",
        f"Machines run in software emulation, which is slow. {why}".strip(),
        "Use a host with hardware virtualization (enable VT-x or AMD-V, or nested virtualization), then start again.",
    )


def memory(facts: Facts) -> Check:
    have = facts.memory_bytes - HOST_MEMORY
    if facts.promised_bytes <= have:
        return Check("memory", "ok", f"{_gib(max(have - facts.promised_bytes, 0))} can still be given to machines.")
    return Check(
        "memory",
        "warning",
        f"Running machines were promised {_gib(facts.promised_bytes)} of {_gib(facts.memory_bytes)}.",
        "Stop a machine or give some of them less memory: the host may end one when it runs out.",
    )


def storage(facts: Facts) -> Check:
    free = f"{_gib(facts.storage_free_bytes)} free of {_gib(facts.storage_bytes)}."
    if facts.storage_free_bytes >= FREE_STORAGE:
        return Check("storage", "ok", free)
    empty = facts.storage_free_bytes < GIB
    return Check(
        "storage",
        "error" if empty else "warning",
        f"Little room for disks: {free}",
        f"Make room on the file system of {facts.places.state}, or delete disks and images.",
    )


def uefi(facts: Facts) -> Check:
    if "efi" in facts.firmware:
        secure = " and Secure Boot" if "secure" in facts.firmware else ""
        return Check("uefi", "ok", f"Machines can boot by UEFI{secure}.")
    return Check("uefi", "warning", "There is no UEFI firmware: only BIOS machines start.", "apt-get install ovmf")


def folders(facts: Facts) -> Check:
    """The folders the driver writes to. console/ belongs to QEMU and is made by `scripts/up`."""
    needed = [facts.places.state / name for name in ("disks", "images", "seeds", "jobs")]
    refused = [folder for folder in needed if not os.access(folder, os.W_OK | os.X_OK)]
    if not refused:
        return Check("folders", "ok", "The folders for disks and images can be written.")
    names = ", ".join(folder.name for folder in refused)
    return Check(
        "folders", "error", f"Not there or not writable: {names}.", "scripts/up makes them right: start it again."
    )


def open_files(facts: Facts) -> Check:
    """Guests' disks hold other people's data: nobody else may look into them."""
    loose = [folder for folder in _private(facts.places.state) if _open_to_all(folder)]
    if not loose:
        return Check("privacy", "ok", "Disks, seeds and consoles are closed to other users of the host.")
    names = " ".join(str(folder) for folder in loose)
    return Check("privacy", "error", "Other users of the host can open machines' files.", f"chmod o-rwx {names}")


def _private(state: Path) -> list[Path]:
    return [state / name for name in ("disks", "images", "seeds", "console", "serial", "libvirt/run/libvirt-sock")]


def _open_to_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o007)
    except OSError:
        return False


def sockets(facts: Facts) -> Check:
    """A UNIX socket's path has at most 107 characters; QEMU refuses longer ones only when a machine starts."""
    longest = len(os.fsencode(facts.places.state)) + len("/console/.serial") + 36
    if longest <= 107:
        return Check("paths", "ok", "The state folder's path is short enough.")
    return Check(
        "paths",
        "error",
        f"The path of the state folder is {longest - 107} characters too long: no machine can start.",
        "Choose a shorter VMCONSOLE_STATE.",
    )


def program_there(program: str) -> Check:
    level, package, without = PROGRAMS[program]
    if shutil.which(program, path=PATHS):
        return Check(program, "ok", f"{program} is installed.")
    return Check(program, level, f"{program} is missing. {without}.", f"apt-get install {package}")


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


CHECKS: tuple[Callable[[Facts], Check], ...] = (
    acceleration,
    memory,
    storage,
    uefi,
    folders,
    open_files,
    sockets,
)

"""Why a machine is not as it should be: one sentence, its evidence, and the likely fix as a link.

A table over reasons, so that a new reason without words shows at once, as its bare name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.models import VirtualMachine
from inventory.states import State


@dataclass(frozen=True, slots=True)
class Why:
    tone: str
    sentence: str
    evidence: str = ""
    label: str = ""
    url: str = ""


# reason -> what it means, the fix's label, the page that helps
REASONS: dict[str, tuple[Any, Any, str]] = {
    "MachineDiskNotFound": (
        gettext_lazy("It names a disk that does not exist. It goes on by itself once the disk is there."),
        gettext_lazy("Create the disk"), "storage:disk_create",
    ),
    "MachineDiskMisconfig": (
        gettext_lazy("One of its disks could not be made."), gettext_lazy("Look at its disks"), "disks",
    ),
    "NetworkNotFound": (
        gettext_lazy("It names a network that does not exist. It goes on by itself once the network is there."),
        gettext_lazy("Create the network"), "networking:network_create",
    ),
    "MachineTypeNotFound": (
        gettext_lazy("It names a machine type that does not exist. It goes on by itself once the type is there."),
        gettext_lazy("Create the type"), "inventory:type_create",
    ),
    "ReferencedSecretDataNotFound": (
        gettext_lazy("The Secret with its start-up data is missing."), gettext_lazy("Edit its configuration"),
        "configuration",
    ),
    "InvalidCloudInitUserdata": (
        gettext_lazy("Its cloud-init data cannot be read."), gettext_lazy("Edit its configuration"), "configuration",
    ),
    "InterfaceCreationFailed": (
        gettext_lazy("One of its network cards could not be made."), gettext_lazy("Look at its network"), "network",
    ),
    "KubevirtVMCreationFailed": (
        gettext_lazy("The runtime refused to make it."), gettext_lazy("Look at its events"), "events",
    ),
    "InsufficientResources": (
        gettext_lazy("No node has room for it."), gettext_lazy("See what is used"), "inventory:node_list",
    ),
    "WaitingForDisk": (gettext_lazy("It waits for a disk."), gettext_lazy("Look at its disks"), "disks"),
    "Crashed": (
        gettext_lazy("It stopped without being asked."), gettext_lazy("Read its serial log"), "serial",
    ),
    "GuestShutdown": (gettext_lazy("It was shut down from inside."), "", ""),
    "MachineVanished": (
        gettext_lazy("It was removed from the host outside of this console. Starting it makes it again."), "", "",
    ),
    "RuntimeUnreachable": (
        gettext_lazy("The runtime does not answer. What is shown is the last that was seen."),
        gettext_lazy("Look at the node"), "inventory:node_list",
    ),
    "NotAnswering": (
        gettext_lazy("The runtime cannot say what it is doing."), gettext_lazy("Look at the node"),
        "inventory:node_list",
    ),
}  # fmt: skip
QUIET = ("GuestShutdown",)
TABS = {"disks": "disks", "network": "network", "events": "events", "configuration": "configuration"}


def why(vm: VirtualMachine) -> Why | None:
    """The line under a machine's name, or None when all is as asked."""
    if vm.status_reason:
        return explained(vm)
    if vm.drifted:
        return Why("warn", _("It was changed outside of this console."), ", ".join(vm.status_drift))
    if vm.status_pending:
        return Why("busy", _("Its configuration was changed; the change holds from its next start."))
    return None


def explained(vm: VirtualMachine) -> Why:
    known = REASONS.get(vm.status_reason)
    waits = vm.status_state in (State.PENDING, State.PROVISIONING)
    tone = "off" if vm.status_reason in QUIET else "busy" if waits else "bad"
    if known is None:
        return Why(tone, vm.status_message or vm.status_reason)
    sentence, label, place = known
    return Why(tone, str(sentence), vm.status_message, str(label), place_of(vm, place))


def place_of(vm: VirtualMachine, place: str) -> str:
    if place == "serial":
        return f"{vm.get_absolute_url()}console?kind=serial"
    if place in TABS:
        return f"{vm.get_absolute_url()}{place}"
    try:
        return f"{reverse(place)}?{urlencode({'namespace': vm.namespace})}" if place else ""
    except NoReverseMatch:
        return ""

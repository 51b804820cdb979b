"""May it be done now, and the sentence when not. Pure: no database, no Django but for translation marks.

Sentences say what, why and what to do, and are marked for translation here and translated where they are shown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from inventory.schema import VirtualMachineSpec
from vmconsole.runtime.quantities import parse_quantity
from vmconsole.runtime.types import Can, Power


class Verb(StrEnum):
    """What a person can ask of a machine."""

    CREATE = "create"
    START = "start"
    STOP = "stop"
    FORCE_STOP = "force-stop"
    RESTART = "restart"
    RESET = "reset"
    PAUSE = "pause"
    RESUME = "resume"
    EDIT = "edit"
    DELETE = "delete"
    ADOPT = "adopt"
    TRASH = "trash"
    RESTORE = "restore"
    PURGE = "purge"


# Parts of a spec that a running machine takes at once, or that its hardware does not show at all.
LIVE = ("disks", "interfaces", "running_state", "auto_restart_on_configuration_change", "scheduling")
OFF = (Power.OFF, Power.CRASHED)

LEAST_MEMORY = 1_000_000
MOST_MEMORY = 1 << 40
POWER_VERBS = (
    Verb.START,
    Verb.STOP,
    Verb.FORCE_STOP,
    Verb.RESTART,
    Verb.RESET,
    Verb.PAUSE,
    Verb.RESUME,
)


def _(sentence: str) -> str:
    """Marks a sentence for translation, as gettext_noop does, without importing Django."""
    return sentence


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule needs to know of a machine."""

    power: Power | None
    declared: str = ""
    managed: bool = True
    deleting: bool = False
    trashed: bool = False
    busy: str = ""
    protected: bool = False
    can: Can = ~Can.NONE
    reachable: bool = True
    made: bool = True


def why_not(verb: Verb, vm: Subject) -> str:
    """The sentence why this cannot be asked now, or "" when it can."""
    if vm.deleting and verb is not Verb.FORCE_STOP:
        return _("It is being deleted.")
    if vm.trashed and verb not in (Verb.RESTORE, Verb.PURGE):
        return _("It is in the trash. Restore it first.")
    if not vm.trashed and verb in (Verb.RESTORE, Verb.PURGE):
        return _("It is not in the trash.")
    if vm.busy and not _may_interrupt(verb, vm.busy) and not (verb is Verb.EDIT and is_being_made(vm)):
        return _("Another operation is still running. Wait for it, or cancel it.")
    if not vm.managed and verb in (Verb.EDIT, Verb.DELETE, Verb.TRASH):
        return _("It was made outside of this console. Adopt it first.")
    if verb is Verb.ADOPT:
        return _("It is managed by this console already.") if vm.managed else ""
    if verb in (Verb.DELETE, Verb.TRASH):
        return _("It is protected from deletion. Remove the protection in its configuration first.") * vm.protected
    if verb in POWER_VERBS:
        return _why_not_power(verb, vm)
    return ""


def is_being_made(vm: Subject) -> bool:
    """It is asked for and not on the host yet: a change of it goes into its making, which waits for nothing else."""
    return vm.busy == Verb.CREATE and not vm.made


def _may_interrupt(verb: Verb, busy: str) -> bool:
    """A forced stop replaces a stop that the guest ignores, and deleting replaces whatever was going on.

    So does the trash; and whoever threw it away by mistake need not wait for the guest to stop.
    """
    if verb is Verb.RESTORE:
        return busy == Verb.TRASH
    if verb is Verb.EDIT:  # two changes soon after each other: the second goes on with both
        return busy == Verb.EDIT
    return verb in (Verb.DELETE, Verb.TRASH, Verb.PURGE) or (
        verb is Verb.FORCE_STOP and busy in (Verb.STOP, Verb.RESTART, Verb.CREATE, Verb.START)
    )


def _why_not_power(verb: Verb, vm: Subject) -> str:
    off = vm.power is None or vm.power in OFF
    if vm.declared == "Running" and verb in (Verb.STOP, Verb.FORCE_STOP, Verb.PAUSE):
        return _("Its running state is declared “Running”. Declare it “Stopped”, or remove the declaration.")
    if vm.declared == "Stopped" and verb in (Verb.START, Verb.RESTART, Verb.RESUME):
        return _("Its running state is declared “Stopped”. Declare it “Running”, or remove the declaration.")
    if verb is Verb.START and not off:
        return _("It is paused. Resume it instead.") if vm.power is Power.PAUSED else _("It is running already.")
    if verb is Verb.RESUME and vm.power is not Power.PAUSED:
        return _("It is not paused.")
    if verb in (Verb.STOP, Verb.FORCE_STOP, Verb.RESTART, Verb.RESET) and off:
        return _("It is not running.")
    if verb is Verb.PAUSE and vm.power is not Power.ON:
        return _("It is not running.")
    if (verb is Verb.PAUSE and not vm.can & Can.PAUSE) or (verb is Verb.RESET and not vm.can & Can.RESET):
        return _("This runtime cannot do that.")
    return ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a manifest: the field's path in it and a sentence, `values` filled into its %(…)s."""

    field: str
    sentence: str
    values: tuple[tuple[str, str], ...] = ()


def problems(spec: VirtualMachineSpec) -> list[Problem]:
    """Everything that fits the schema and still makes no sense together. All of it at once, not the first."""
    return [*_compute(spec), *_disks(spec), *_interfaces(spec), *_start_up(spec)]


def memory_problem(capacity: str, field: str) -> list[Problem]:
    try:
        size = parse_quantity(capacity)
    except ValueError:
        example = _("“%(value)s” is not a size. Write a number and a unit, such as 512Mi or 4Gi.")
        return [Problem(field, example, (("value", capacity[:40]),))]
    if not LEAST_MEMORY <= size <= MOST_MEMORY:
        limits = _("Memory must be between 1M and 1Ti; “%(value)s” is not.")
        return [Problem(field, limits, (("value", capacity[:40]),))]
    return []


def _compute(spec: VirtualMachineSpec) -> list[Problem]:
    compute, found = spec.compute, []
    inline = compute.cpu is not None or compute.memory is not None
    if compute.virtual_machine_type_name and inline:
        both = _("Name a machine type or give CPU and memory, not both.")
        found.append(Problem("spec.compute.virtualMachineTypeName", both))
    if compute.memory is not None:
        found += memory_problem(compute.memory.capacity, "spec.compute.memory.capacity")
    advanced = compute.advanced_compute
    if advanced and advanced.dedicated_cpu_placement and not compute.guaranteed:
        pinned = _("Dedicated CPUs need `guaranteed: true`.")
        found.append(Problem("spec.compute.advancedCompute.dedicatedCpuPlacement", pinned))
    return found


def _disks(spec: VirtualMachineSpec) -> list[Problem]:
    found = []
    if sum(disk.boot for disk in spec.disks) > 1:
        found.append(Problem("spec.disks", _("Two disks are marked to boot from. Mark one.")))
    if spec.disks and not any(disk.boot for disk in spec.disks):
        found.append(Problem("spec.disks", _("No disk is marked to boot from. Mark one with `boot: true`.")))
    for name, times in Counter(disk.virtual_machine_disk_name for disk in spec.disks).items():
        if times > 1:
            found.append(Problem("spec.disks", _("Disk %(name)s is listed twice."), (("name", name),)))
    for number, disk in enumerate(spec.disks):
        if disk.cdrom and disk.driver == "virtio":
            continue  # a CD-ROM has no virtio form: it goes on sata, as on the original
        if disk.cdrom and disk.auto_delete:
            found.append(Problem(f"spec.disks[{number}].autoDelete", _("A CD-ROM's image is not deleted with its VM.")))
    return found


def _interfaces(spec: VirtualMachineSpec) -> list[Problem]:
    found = []
    defaults = sum(card.default for card in spec.interfaces)
    if len(spec.interfaces) > 1 and defaults != 1:
        one = _("With several interfaces exactly one must be the default; %(count)s are.")
        found.append(Problem("spec.interfaces", one, (("count", str(defaults)),)))
    for network, times in Counter(card.network_name for card in spec.interfaces).items():
        if times > 1:
            shared = _("Two interfaces are on network %(name)s. Each needs a network of its own.")
            found.append(Problem("spec.interfaces", shared, (("name", network),)))
    if len({card.name for card in spec.interfaces}) < len(spec.interfaces):
        found.append(Problem("spec.interfaces", _("Two interfaces have the same name.")))
    for number, card in enumerate(spec.interfaces):
        first = int((card.mac_address or "02")[:2], 16)
        if first & 1:
            group = _("%(mac)s is a group address. The first byte of a card's MAC must be even.")
            found.append(Problem(f"spec.interfaces[{number}].macAddress", group, (("mac", card.mac_address or ""),)))
    return found


def _start_up(spec: VirtualMachineSpec) -> list[Problem]:
    if spec.cloud_init is None:
        return []
    seed, found = spec.cloud_init.no_cloud, []
    if sum(map(bool, (seed.user_data, seed.user_data_base64, seed.secret_ref))) > 1:
        found.append(Problem("spec.cloudInit.noCloud", _("Give user data once: inline, as base64 or as a Secret.")))
    if sum(map(bool, (seed.network_data, seed.network_data_base64, seed.network_data_secret_ref))) > 1:
        found.append(Problem("spec.cloudInit.noCloud", _("Give network data once: inline, as base64 or as a Secret.")))
    return found

"""The search words of the machine list: `state:running -is:protected vcpu>4 node:n1 web`.

The grammar is every list's (`vmconsole.query`); here is what its words mean for machines. They keep to columns that
an index carries, so that a hundred thousand machines are searched without reading one.
"""

from __future__ import annotations

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy

from inventory.models import MachineDisk, VirtualMachine, VirtualMachineType
from inventory.states import State
from networking.models import NetworkInterface
from vmconsole.query import (
    COMPARED,
    Grammar,
    Key,
    Term,
    age,
    exact,
    label,
    moment,
    number,
    one_of,
    part,
    same,
    size,
    text,
    yes_or_no,
)
from vmconsole.runtime.quantities import parse_quantity

PROBLEMS = (
    *(state.value for state in State if state.value.startswith("Error")),
    State.CRASH_LOOP.value, State.DISK_ERROR.value, State.UNKNOWN.value,
)  # fmt: skip
BUSY = (State.PROVISIONING, State.STARTING, State.STOPPING, State.TERMINATING, State.PENDING)

# What the drop-down under the search box teaches.
LESSONS = (
    (gettext_lazy("State"), ("state:running", "state:stopped", "state:paused", "is:problem", "is:busy")),
    (gettext_lazy("Size and age"), ("vcpu>4", "memory>=8Gi", "type:", "age<7d")),
    (gettext_lazy("Place and address"), ("node:", "namespace:", "folder:", "ip:10.", "mac:52:54", "network:")),
    (gettext_lazy("Kind"), ("os:linux", "os:windows", "label:app=web", "is:protected", "is:outside", "has:agent")),
    (gettext_lazy("Not"), ("-state:running", "-has:ip", "-label:app")),
)


def by_state(term: Term) -> Q:
    value = term.value.lower()
    fitting = [state.value for state in State if state.value.lower().startswith(value)]
    if value in ("error", "problem"):
        fitting = list(PROBLEMS)
    if not fitting:
        raise ValueError(value)
    return Q(status_state=fitting[0]) if len(fitting) == 1 else Q(status_state__in=fitting)


def by_vcpus(term: Term) -> Q:
    return by_size("vcpus", term, int(term.value))


def by_memory(term: Term) -> Q:
    return by_size("memory_bytes", term, parse_quantity(term.value))


def by_size(column: str, term: Term, number: int) -> Q:
    """Its own values, or those of its type."""
    lookup = {f"spec_{column}{COMPARED[term.op]}": number}
    shapes = VirtualMachineType.objects.filter(**lookup).values("name")
    return Q(**lookup) | Q(spec_type_name__in=shapes)


def by_address(term: Term) -> Q:
    cards = NetworkInterface.objects.filter(ip_address__startswith=term.value)
    return Q(uid__in=cards.values("machine_uid"))


def by_mac(term: Term) -> Q:
    cards = NetworkInterface.objects.filter(mac_address__startswith=term.value.lower())
    return Q(uid__in=cards.values("machine_uid"))


def by_disk(term: Term) -> Q:
    return Q(uid__in=MachineDisk.objects.filter(disk_name__startswith=term.value).values("machine"))


def by_folder(term: Term) -> Q:
    """In the folder, or in one below it."""
    folder = term.value.strip("/")
    inside = Q(folder=folder) | Q(folder__startswith=f"{folder}/")
    if connection.vendor == "sqlite":  # its LIKE reads every row; between here and what sorts after the "/" lies little
        return Q(folder__gte=folder, folder__lt=f"{folder}0") & inside
    return inside


BEING = {
    "problem": Q(status_state__in=PROBLEMS),
    "busy": Q(status_state__in=[state.value for state in BUSY]),
    "outside": Q(managed=False),
    "managed": Q(managed=True),
    "protected": Q(deletion_protected=True),
    "declared": ~Q(spec_running_state=""),
    "pending": Q(status_pending=True),
    "drifted": ~Q(status_drift=[]),
}
HAVING = {
    "ip": ~Q(status_addresses=[]),
    "agent": ~Q(status_guest={}),
    "pending": Q(status_pending=True),
    "note": ~Q(display_name=""),
    "folder": ~Q(folder=""),
}
STATES = ("running", "stopped", "paused", "starting", "problem")


def by_being(term: Term) -> Q:
    return BEING[term.value.lower()] if term.value.lower() in BEING else by_state(term)


KEYS = {
    "state": Key(by_state, STATES),
    "name": part("name"),
    "namespace": exact("namespace"),
    "ns": exact("namespace"),
    "folder": Key(by_folder),
    "node": exact("status_node"),
    "type": exact("spec_type_name"),
    "os": same("spec_os_type"),
    "vcpu": Key(by_vcpus, ("4",), compares=True),
    "vcpus": Key(by_vcpus, ("4",), compares=True),
    "memory": Key(by_memory, ("512Mi", "8Gi"), compares=True),
    "created": moment("created_at"),
    "age": age("created_at"),
    "ip": Key(by_address),
    "mac": Key(by_mac),
    "network": Key(lambda term: Q(interfaces__network_name=term.value)),
    "disk": Key(by_disk),
    "label": label(VirtualMachine),
    "is": Key(by_being, (*BEING, "running")),
    "has": one_of(HAVING),
}
MACHINES = Grammar(KEYS, text("name"), LESSONS)
NODE_WORDS = Grammar(
    {
        "name": part("name"),
        "runtime": exact("runtime__name"),
        "cpus": number("status_cpus"),
        "memory": size("status_memory_bytes"),
        "free": size("status_storage_free_bytes"),
        "arch": exact("status_arch", "x86_64", "aarch64"),
        "kvm": yes_or_no(Q(status_accelerator__iexact="kvm")),
    },
    text("name"),
    (
        (gettext_lazy("Size"), ("cpus>8", "memory>=64Gi", "free<100Gi")),
        (gettext_lazy("What"), ("kvm:yes", "arch:x86_64", "runtime:")),
        (gettext_lazy("Not"), ("-kvm:yes", "-arch:x86_64")),
    ),
)

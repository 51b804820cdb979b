"""The search words of the machine list: `state:running -is:protected vcpu>4 node:n1 web`.

One grammar for the pages and the URL, and for the API and the command line when they come. A word that cannot be
understood is said so and searched as a part of the name, so that a search never silently shows everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.models import MachineDisk, VirtualMachine, VirtualMachineQuerySet, VirtualMachineType
from inventory.states import State
from networking.models import NetworkInterface
from vmconsole.runtime.quantities import BadQuantity, parse_quantity

MOST_TERMS = 20  # each is a condition in one query
TERM = re.compile(r'(?P<no>-)?(?:(?P<key>[a-z]+)(?P<op>:|>=|<=|>|<))?(?P<value>"[^"]*"|\S+)', re.IGNORECASE)
COMPARED = {":": "", ">": "__gt", "<": "__lt", ">=": "__gte", "<=": "__lte"}
PROBLEMS = (
    *(state.value for state in State if state.value.startswith("Error")),
    State.CRASH_LOOP.value, State.DISK_ERROR.value, State.UNKNOWN.value,
)  # fmt: skip

# What the drop-down under the search box teaches.
LESSONS = (
    (gettext_lazy("State"), ("state:running", "state:stopped", "state:paused", "is:problem", "is:busy")),
    (gettext_lazy("Size"), ("vcpu>4", "memory>=8Gi", "type:")),
    (gettext_lazy("Place and address"), ("node:", "namespace:", "ip:10.", "mac:52:54", "network:")),
    (gettext_lazy("Kind"), ("os:linux", "os:windows", "label:app=web", "is:protected", "is:outside", "has:agent")),
    (gettext_lazy("Not"), ("-state:running", "-has:ip", "-label:app")),
)


@dataclass(frozen=True, slots=True)
class Term:
    key: str
    op: str
    value: str
    no: bool = False


def terms(text: str) -> list[Term]:
    found = []
    for match in TERM.finditer(text):
        value = match["value"].strip('"')
        if value:
            found.append(Term((match["key"] or "").lower(), match["op"] or ":", value, bool(match["no"])))
    return found[:MOST_TERMS]


def search(rows: VirtualMachineQuerySet, text: str) -> tuple[VirtualMachineQuerySet, list[str]]:
    """The rows that fit every word, and a sentence for each word that is none."""
    complaints: list[str] = []
    for term in terms(text):
        try:
            condition = KEYS[term.key](term) if term.key else by_name(term)
        except KeyError:
            complaints.append(_("There is no search word “%(word)s:”.") % {"word": term.key})
            condition = by_name(Term("", ":", f"{term.key}{term.op}{term.value}"))
        except (BadQuantity, ValueError):
            complaints.append(_("“%(value)s” does not fit “%(word)s”.") % {"value": term.value, "word": term.key})
            condition = Q(pk__in=[])
        rows = rows.exclude(condition) if term.no else rows.filter(condition)
    return rows, complaints


def by_name(term: Term) -> Q:
    return Q(name__icontains=term.value)


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


def by_label(term: Term) -> Q:
    key, equals, value = term.value.partition("=")
    rows = VirtualMachine.objects.alias(wanted=KeyTransform(key, "labels"))
    rows = rows.filter(wanted=value) if equals else rows.filter(wanted__isnull=False)
    return Q(uid__in=rows.values("uid"))


def by_disk(term: Term) -> Q:
    return Q(uid__in=MachineDisk.objects.filter(disk_name__startswith=term.value).values("machine"))


def by_being(term: Term) -> Q:
    return BEING[term.value.lower()] if term.value.lower() in BEING else by_state(term)


def by_having(term: Term) -> Q:
    conditions = {
        "ip": ~Q(status_addresses=[]),
        "agent": ~Q(status_guest={}),
        "pending": Q(status_pending=True),
        "note": ~Q(display_name=""),
    }
    try:
        return conditions[term.value.lower()]
    except KeyError:
        raise ValueError(term.value) from None


BUSY = (State.PROVISIONING, State.STARTING, State.STOPPING, State.TERMINATING, State.PENDING)
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
KEYS: dict[str, Callable[[Term], Q]] = {
    "state": by_state,
    "name": by_name,
    "namespace": lambda term: Q(namespace=term.value),
    "ns": lambda term: Q(namespace=term.value),
    "node": lambda term: Q(status_node=term.value),
    "type": lambda term: Q(spec_type_name=term.value),
    "os": lambda term: Q(spec_os_type__iexact=term.value),
    "vcpu": by_vcpus,
    "vcpus": by_vcpus,
    "memory": by_memory,
    "ip": by_address,
    "mac": by_mac,
    "network": lambda term: Q(interfaces__network_name=term.value),
    "disk": by_disk,
    "label": by_label,
    "is": by_being,
    "has": by_having,
}

"""The search words of the audit log. Its pages go by entry number and not by page, so it is no `Listing`."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Final

from django.db.models import Q
from django.utils.translation import gettext_lazy

from observability.models import Phase
from vmconsole.query import AGE, Grammar, Key, Term, age, begins, exact, moment, one_of, part, same, text

_PHASES: Final = one_of({phase.value: Q(phase=phase) for phase in Phase})


def _by_object(term: Term) -> Q:
    return Q(name__icontains=term.value) | Q(uid=term.value)


def _by_action(term: Term) -> Q:
    """`delete`; and `console` for all that begin so."""
    value = term.value.lower()
    return Q(action__iexact=value) | Q(action__istartswith=f"{value}.") | Q(action__istartswith=f"{value}_")


def _by_sign_in(term: Term) -> Q:
    """How they had signed in, or the name of their token."""
    return Q(auth=term.value.lower()) | Q(token_id__icontains=term.value)


def _by_address(term: Term) -> Q:
    """An address or a network. Addresses are kept as text, so a network is the beginnings that its addresses have."""
    network = ip_network(term.value, strict=False)
    if network.num_addresses == 1:
        return Q(source=str(network.network_address))
    if network.version != 4:  # no beginning of its text tells an IPv6 network
        raise ValueError(term.value)
    found = Q()
    whole = -(-network.prefixlen // 8) * 8  # up to the next dot
    for part_of_it in network.subnets(new_prefix=whole):
        octets = str(part_of_it.network_address).split(".")[: whole // 8]
        beginning = ".".join(octets)
        found |= Q(source=beginning) if whole == 32 else Q(source__startswith=f"{beginning}." if octets else "")
    return found


def _since(op: str) -> Key:
    """`7d` is that long ago; else a day or a time, from its beginning on."""
    ago, at = age("at"), moment("at")

    def condition(term: Term) -> Q:
        if AGE.fullmatch(term.value):
            return ago.condition(replace(term, op={">=": "<=", "<": ">"}[op]))
        return at.condition(replace(term, op=op))

    return Key(condition, ("24h", "7d", "2026-11-01"))


AUDIT: Final = Grammar(
    {
        "who": part("actor_name"),
        "person": part("actor_name"),
        "action": Key(_by_action, ("start", "stop", "sign_in")),
        "result": _PHASES,
        "state": _PHASES,
        "object": Key(_by_object),
        "name": part("name"),
        "kind": same("kind", "VirtualMachine", "Session"),
        "namespace": exact("namespace"),
        "ns": exact("namespace"),
        "source": begins("source", "10."),
        "from": Key(_by_address, ("10.0.0.0/8", "192.168.1.5")),
        "via": Key(_by_sign_in, ("session", "token")),
        "since": _since(">="),
        "until": _since("<"),
        "operation": exact("operation_uid"),
        "request": exact("request_id"),
        "at": moment("at"),
        "age": age("at"),
    },
    text("name", "actor_name", "action"),
    (
        (gettext_lazy("Who and where"), ("who:", "from:10.0.0.0/8", "via:token", "namespace:")),
        (gettext_lazy("What"), ("action:delete", "action:console", "kind:VirtualMachine", "object:")),
        (gettext_lazy("How it ended"), ("result:refused", "result:failed", "result:accepted")),
        (gettext_lazy("When"), ("since:24h", "since:7d", "until:2026-11-01", "at:2026-11-01")),
        (gettext_lazy("Not"), ("-who:system", "-result:succeeded")),
    ),
)

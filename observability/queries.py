"""The search words of the audit log. Its pages go by entry number and not by page, so it is no `Listing`."""

from __future__ import annotations

from typing import Final

from django.db.models import Q
from django.utils.translation import gettext_lazy

from observability.models import Phase
from vmconsole.query import Grammar, Key, Term, age, begins, exact, moment, one_of, part, same, text

_PHASES: Final = one_of({phase.value: Q(phase=phase) for phase in Phase})


def _by_object(term: Term) -> Q:
    return Q(name__icontains=term.value) | Q(uid=term.value)


AUDIT: Final = Grammar(
    {
        "who": part("actor_name"),
        "person": part("actor_name"),
        "action": same("action", "start", "stop", "sign_in"),
        "result": _PHASES,
        "state": _PHASES,
        "object": Key(_by_object),
        "name": part("name"),
        "kind": same("kind", "VirtualMachine", "Session"),
        "namespace": exact("namespace"),
        "ns": exact("namespace"),
        "source": begins("source", "10."),
        "operation": exact("operation_uid"),
        "request": exact("request_id"),
        "at": moment("at"),
        "age": age("at"),
    },
    text("name", "actor_name", "action"),
    (
        (gettext_lazy("Who and where"), ("who:", "source:10.", "namespace:")),
        (gettext_lazy("What"), ("action:delete", "action:sign_in", "kind:VirtualMachine", "object:")),
        (gettext_lazy("How it ended"), ("result:refused", "result:failed", "result:accepted")),
        (gettext_lazy("When"), ("age<24h", "at:2026-11-01", "at>2026-11-01")),
        (gettext_lazy("Not"), ("-who:system", "-result:succeeded")),
    ),
)

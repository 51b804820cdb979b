"""The list of operations: its search words, its sorts, its columns as CSV."""

from __future__ import annotations

from typing import Final

from django.db.models import Q
from django.utils.translation import gettext_lazy

from vmconsole.lists import Listing
from vmconsole.operations.models import State
from vmconsole.query import Grammar, age, exact, moment, one_of, part, same, text, yes_or_no

_KINDS: Final = {
    "vm": "VirtualMachine", "disk": "VirtualMachineDisk", "image": "Image", "network": "Network",
}  # fmt: skip

OPERATIONS: Final = Listing(
    "operations",
    Grammar(
        {
            "state": one_of({state.value: Q(state=state) for state in State}),
            "verb": same("verb", "start", "stop", "create", "delete"),
            "name": part("subject_name"),
            "kind": one_of(
                {word: Q(subject_kind=kind) for word, kind in _KINDS.items()}
                | {kind.lower(): Q(subject_kind=kind) for kind in _KINDS.values()}
            ),
            "who": part("actor_name"),
            "namespace": exact("namespace"),
            "ns": exact("namespace"),
            "reason": part("reason"),
            "seen": yes_or_no(Q(seen=True)),
            "created": moment("created_at"),
            "age": age("created_at"),
        },
        text("subject_name", "actor_name", "verb"),
        (
            (gettext_lazy("State"), ("state:open", "state:failed", "state:done", "seen:no")),
            (gettext_lazy("What"), ("verb:start", "verb:create", "kind:vm", "kind:disk", "kind:image")),
            (gettext_lazy("Who and when"), ("who:", "namespace:", "age<24h")),
            (gettext_lazy("Not"), ("-state:done", "-who:")),
        ),
    ),
    sorts={
        "created": ("created_at", "uid"),
        "state": ("state", "-created_at", "uid"),
        "verb": ("verb", "-created_at", "uid"),
        "namespace": ("namespace", "-created_at", "uid"),
        "who": ("actor_name", "-created_at", "uid"),
    },
    first="-created",
    cells={
        "created": lambda operation: operation.created_at,
        "state": lambda operation: operation.state,
        "verb": lambda operation: operation.verb,
        "kind": lambda operation: operation.subject_kind,
        "name": lambda operation: operation.subject_name,
        "namespace": lambda operation: operation.namespace,
        "who": lambda operation: operation.actor_name,
        "finished": lambda operation: operation.finished_at,
        "seconds": lambda operation: round(operation.duration.total_seconds(), 1),
        "message": lambda operation: operation.message,
        "reason": lambda operation: operation.reason,
        "uid": lambda operation: operation.uid,
    },
)

"""The list of networks: its search words, its sorts, its columns as CSV."""

from __future__ import annotations

from typing import Final

from django.db.models import Q
from django.utils.translation import gettext_lazy

from networking.models import Network
from vmconsole.lists import Listing
from vmconsole.query import Grammar, age, begins, exact, label, moment, number, one_of, part, text, yes_or_no

_GONE: Final = Q(deletion_requested_at__isnull=False)
_STATES: Final = {"ready": Q(status_ready=True) & ~_GONE, "notready": Q(status_ready=False), "deleting": _GONE}
_MODES: Final = {"nat": Q(spec_mode="nat"), "bridge": Q(spec_mode="bridge")}

NETWORKS: Final = Listing(
    "networks",
    Grammar(
        {
            "state": one_of(_STATES),
            "name": part("name"),
            "kind": one_of(_MODES),
            "bridge": exact("spec_interface"),
            "range": begins("spec_cidr", "10.", "192.168."),
            "cards": number("cards"),
            "predefined": yes_or_no(Q(predefined=True)),
            "created": moment("created_at"),
            "age": age("created_at"),
            "label": label(Network),
        },
        text("name"),
        (
            (gettext_lazy("State"), ("state:ready", "state:notready")),
            (gettext_lazy("What"), ("kind:nat", "kind:bridge", "bridge:", "range:10.", "cards>0", "label:")),
            (gettext_lazy("Not"), ("-state:ready", "-predefined:yes")),
        ),
    ),
    sorts={
        "name": ("name",),
        "state": ("status_ready", "name"),
        "kind": ("spec_mode", "name"),
        "bridge": ("spec_interface", "name"),
        "range": ("spec_cidr", "name"),
        "cards": ("cards", "name"),
    },
    cells={
        "name": lambda network: network.name,
        "state": lambda network: "Ready" if network.status_ready else "NotReady",
        "kind": lambda network: network.spec_mode,
        "bridge": lambda network: network.spec_interface,
        "range": lambda network: network.spec_cidr,
        "cards": lambda network: network.cards,
        "created": lambda network: network.created_at,
        "uid": lambda network: network.uid,
    },
)

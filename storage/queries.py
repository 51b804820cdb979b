"""The lists of disks and images: their search words, their sorts, their columns as CSV."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext_lazy

from storage.models import Attachment, Image, VirtualMachineDisk
from vmconsole.lists import Listing
from vmconsole.query import Grammar, Key, Term, age, exact, label, moment, one_of, part, same, size, text, yes_or_no
from vmconsole.runtime.types import Phase

_STATES: Final = {
    "ready": Q(status_phase=Phase.SUCCEEDED),
    "failed": Q(status_phase=Phase.FAILED),
    "busy": Q(status_phase__in=[Phase.IMPORTING, Phase.CLONING, Phase.UPLOAD_READY]),
    "pending": Q(status_phase=Phase.PENDING),
    **{phase.value.lower(): Q(status_phase=phase) for phase in Phase if phase is not Phase.FAILED},
}
_SOURCES: Final = {
    "blank": Q(spec_source={}),
    **{word: Q(spec_source__has_key=word) for word in ("image", "http", "upload")},
    **{word: Q(spec_source__has_key="virtualMachineDisk") for word in ("disk", "clone")},
}


def _held(condition: Q) -> Q:
    return Q(pk__in=Attachment.objects.filter(condition).values("disk"))


def _by_machine(term: Term) -> Q:
    return _held(Q(machine_name__icontains=term.value))


_COMMON: Final = {
    "state": one_of(_STATES),
    "namespace": exact("namespace"),
    "ns": exact("namespace"),
    "name": part("name"),
    "source": one_of(_SOURCES),
    "size": size("status_size_bytes"),
    "allocated": size("status_allocated_bytes"),
    "created": moment("created_at"),
    "age": age("created_at"),
}
_SORTS: Final = {
    "name": ("name", "uid"),
    "namespace": ("namespace", "name", "uid"),
    "state": ("status_phase", "name", "uid"),
    "size": ("status_size_bytes", "name", "uid"),
    "allocated": ("status_allocated_bytes", "name", "uid"),
    "created": ("created_at", "name", "uid"),
}
_CELLS: Final[dict[str, Any]] = {
    "namespace": lambda volume: volume.namespace,
    "name": lambda volume: volume.name,
    "state": lambda volume: volume.state,
    "reason": lambda volume: volume.status_reason,
    "size_bytes": lambda volume: volume.size_bytes,
    "allocated_bytes": lambda volume: volume.status_allocated_bytes,
    "source": lambda volume: volume.source_kind,
    "created": lambda volume: volume.created_at,
}

DISKS: Final = Listing(
    "disks",
    Grammar(
        {
            **_COMMON,
            "vm": Key(_by_machine),
            "attached": yes_or_no(_held(Q())),
            "label": label(VirtualMachineDisk),
        },
        text("name", "namespace"),
        (
            (gettext_lazy("State"), ("state:ready", "state:busy", "state:failed")),
            (gettext_lazy("Where"), ("namespace:", "vm:", "attached:no")),
            (gettext_lazy("What"), ("size>10Gi", "source:image", "source:http", "source:blank", "label:", "age<7d")),
            (gettext_lazy("Not"), ("-state:ready", "-label:app")),
        ),
    ),
    sorts=_SORTS,
    cells={
        **_CELLS,
        "used_by": lambda disk: " ".join(held.machine_name for held in disk.attachments.all()),
        "uid": lambda disk: disk.uid,
    },
)
IMAGES: Final = Listing(
    "images",
    Grammar(
        {
            **_COMMON,
            "os": same("os_type", "linux", "windows"),
            "public": yes_or_no(Q(public=True)),
            "label": label(Image),
        },
        text("name", "title", "namespace"),
        (
            (gettext_lazy("State"), ("state:ready", "state:busy", "state:failed")),
            (gettext_lazy("What"), ("os:linux", "os:windows", "public:yes", "size<10Gi", "namespace:", "label:")),
            (gettext_lazy("Not"), ("-state:ready", "-public:yes")),
        ),
    ),
    sorts=_SORTS,
    cells={
        **_CELLS,
        "title": lambda image: image.title,
        "os": lambda image: image.os_type,
        "public": lambda image: "yes" if image.public else "no",
        "uid": lambda image: image.uid,
    },
)

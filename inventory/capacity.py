"""Is there room? A host that promised more memory than it has kills guests, so a start is refused before."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum
from django.utils.translation import gettext as _

from inventory.models import VirtualMachine
from inventory.rules import OFF
from vmconsole.pages import size
from vmconsole.runtime.models import Node
from vmconsole.runtime.types import MachineSpec


@dataclass(frozen=True, slots=True)
class Room:
    """What the nodes have, and what of it was given to machines that run. All zero when no node was ever seen."""

    memory_bytes: int = 0
    given_memory_bytes: int = 0
    cpus: int = 0
    given_vcpus: int = 0
    storage_bytes: int = 0
    storage_free_bytes: int = 0

    @property
    def free_memory_bytes(self) -> int:
        return max(self.memory_bytes - self.given_memory_bytes, 0)


def room(without: UUID | None = None) -> Room:
    """What is given is summed over our own rows: they are newer than the last look at the node, so that twenty starts
    at once do not all find the same room.
    """
    columns = ("memory_bytes", "cpus", "storage_bytes", "storage_free_bytes")
    seen = Node.objects.exclude(status_as_of=None).aggregate(**{each: Sum(f"status_{each}") for each in columns})
    running = VirtualMachine.objects.exclude(status_power__in=["", *OFF])
    if without:
        running = running.exclude(uid=without)
    given = running.aggregate(memory=Sum("status_memory_bytes"), vcpus=Sum("status_vcpus"))
    return Room(
        given_memory_bytes=given["memory"] or 0, given_vcpus=given["vcpus"] or 0,
        **{name: value or 0 for name, value in seen.items()},
    )  # fmt: skip


def free_memory(uid: UUID) -> int | None:
    """Bytes that can be given to this machine; None where no node was ever seen."""
    now = room(without=uid)
    return now.memory_bytes - now.given_memory_bytes if now.memory_bytes else None


def lack_of_room(spec: MachineSpec) -> str:
    """The sentence why no node can take the machine now, or "". Nodes that were never seen refuse nobody."""
    now = room(without=spec.uid)
    if not now.memory_bytes or spec.memory_bytes <= now.free_memory_bytes:
        return ""
    sentence = _(
        "It needs %(needed)s of memory and the host has %(free)s left: %(lack)s too little. "
        "Stop a machine, or give this one less."
    )
    free = now.free_memory_bytes
    numbers = {"needed": spec.memory_bytes, "free": free, "lack": spec.memory_bytes - free}
    return sentence % {name: size(number) for name, number in numbers.items()}

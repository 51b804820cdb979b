"""Is there room? A host that promised more memory than it has kills guests, so a start is refused before."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Sum
from django.utils.translation import gettext as _

from inventory.models import VirtualMachine
from inventory.rules import OFF
from vmconsole.pages import size
from vmconsole.runtime.models import Node
from vmconsole.runtime.types import MachineSpec


def free_memory(uid: UUID) -> int | None:
    """Bytes that can be given to this machine; None where no node was ever seen."""
    total = sum(Node.objects.exclude(status_as_of=None).values_list("status_memory_bytes", flat=True))
    if not total:
        return None
    others = VirtualMachine.objects.exclude(uid=uid).exclude(status_power__in=["", *OFF])
    return total - (others.aggregate(sum=Sum("status_memory_bytes"))["sum"] or 0)


def lack_of_room(spec: MachineSpec) -> str:
    """The sentence why no node can take the machine now, or "". Nodes that were never seen refuse nobody.

    What is given is summed over our own rows: they are newer than the last look at the node, so that twenty starts
    at once do not all find the same room.
    """
    free = free_memory(spec.uid)
    if free is None or spec.memory_bytes <= free:
        return ""
    sentence = _(
        "It needs %(needed)s of memory and the host has %(free)s left: %(lack)s too little. "
        "Stop a machine, or give this one less."
    )
    free = max(free, 0)
    numbers = {"needed": spec.memory_bytes, "free": free, "lack": spec.memory_bytes - free}
    return sentence % {name: size(number) for name, number in numbers.items()}

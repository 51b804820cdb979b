"""Is there room? A host that promised more memory than it has kills guests, so a start is refused before."""

from __future__ import annotations

from django.db.models import Sum
from django.utils.translation import gettext as _

from inventory.models import VirtualMachine
from inventory.rules import OFF
from vmconsole.runtime.models import Node
from vmconsole.runtime.quantities import format_quantity
from vmconsole.runtime.types import MachineSpec


def lack_of_room(spec: MachineSpec) -> str:
    """The sentence why no node can take the machine now, or "". Nodes that were never seen refuse nobody.

    What is given is summed over our own rows: they are newer than the last look at the node, so that twenty starts
    at once do not all find the same room.
    """
    total = sum(Node.objects.exclude(status_as_of=None).values_list("status_memory_bytes", flat=True))
    if not total:
        return ""
    others = VirtualMachine.objects.exclude(uid=spec.uid).exclude(status_power__in=["", *OFF])
    given = others.aggregate(sum=Sum("status_memory_bytes"))["sum"] or 0
    free = total - given
    if spec.memory_bytes <= free:
        return ""
    sentence = _(
        "It needs %(needed)s of memory and the host has %(free)s left: %(lack)s too little. "
        "Stop a machine, or give this one less."
    )
    free = max(free, 0)
    numbers = {"needed": spec.memory_bytes, "free": free, "lack": spec.memory_bytes - free}
    return sentence % {name: format_quantity(number) for name, number in numbers.items()}

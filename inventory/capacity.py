"""Is there room? A host that promised more memory than it has kills guests, so a start is refused before."""

from __future__ import annotations

from django.utils.translation import gettext as _

from vmconsole.runtime.models import Node
from vmconsole.runtime.quantities import format_quantity
from vmconsole.runtime.types import MachineSpec


def lack_of_room(spec: MachineSpec) -> str:
    """The sentence why no node can take the machine now, or "". Nodes that were never seen refuse nobody."""
    nodes = list(Node.objects.exclude(status_as_of=None))
    if not nodes:
        return ""
    free = max(node.status_memory_bytes - node.status_used_memory_bytes for node in nodes)
    if spec.memory_bytes <= free:
        return ""
    sentence = _("It needs %(needed)s of memory and the host has %(free)s left. Stop a machine, or give this one less.")
    return sentence % {"needed": format_quantity(spec.memory_bytes), "free": format_quantity(max(free, 0))}

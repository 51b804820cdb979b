"""What a machine needs to run, piece by piece, and whether each is there: what a page shows of one that is off.

The same facts that `assemble` and `capacity` decide by; here nothing is decided, and nothing is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from inventory.capacity import free_memory
from inventory.models import MachineDisk, MachineInterface, VirtualMachine
from inventory.waiting import wished_size
from networking.models import Network
from storage.models import VirtualMachineDisk
from vmconsole.pages import size
from vmconsole.runtime.types import Phase


@dataclass(frozen=True, slots=True)
class Need:
    """One piece: `tone` ok, busy (it is being made) or bad; `percent` while it is being made."""

    title: str
    tone: str
    text: str
    url: str = ""
    percent: float | None = None


def needs(vm: VirtualMachine) -> list[Need]:
    if not vm.managed:
        return []
    return [_memory(vm), *_disks(vm), *_cards(vm)]


def _memory(vm: VirtualMachine) -> Need:
    _vcpus, wanted = wished_size(vm)
    if wanted is None:
        told = _("There is no machine type %(name)s.") % {"name": vm.spec_type_name}
        return Need(_("Size"), "bad", told, f"{vm.get_absolute_url()}configuration#c-size")
    free = free_memory(vm.uid)
    if free is None:
        return Need(_("Memory"), "ok", size(wanted))
    values = {"needed": size(wanted), "free": size(max(free, 0))}
    return Need(_("Memory"), "ok" if wanted <= free else "bad", _("%(needed)s of %(free)s that are free") % values)


def _disks(vm: VirtualMachine) -> list[Need]:
    rows = list(vm.disks.all())
    names = [row.disk_name for row in rows]
    known = {disk.name: disk for disk in VirtualMachineDisk.objects.filter(namespace=vm.namespace, name__in=names)}
    return [_disk(row, known.get(row.disk_name)) for row in rows]


def _disk(row: MachineDisk, disk: VirtualMachineDisk | None) -> Need:
    title = _("Disk %(name)s") % {"name": row.disk_name}
    if disk is None or disk.deletion_requested_at:
        return Need(title, "bad", _("It is not there."))
    url = disk.get_absolute_url()
    if disk.status_phase == Phase.SUCCEEDED:
        return Need(title, "ok", size(disk.size_bytes), url)
    if disk.status_phase == Phase.FAILED:
        return Need(title, "bad", disk.status_message or _("It could not be made."), url)
    return Need(title, "busy", disk.status_message or _("It is being made."), url, disk.status_percent)


def _cards(vm: VirtualMachine) -> list[Need]:
    rows = list(vm.interfaces.all())
    known = {network.name: network for network in Network.objects.filter(name__in=[row.network_name for row in rows])}
    return [_card(row, known.get(row.network_name)) for row in rows]


def _card(row: MachineInterface, network: Network | None) -> Need:
    title = _("Network %(name)s") % {"name": row.network_name}
    if network is None or network.deletion_requested_at:
        return Need(title, "bad", _("It is not there."))
    url = reverse("networking:network_detail", args=[network.name])
    if network.status_ready:
        return Need(title, "ok", network.spec_cidr or network.spec_interface, url)
    return Need(title, "bad", network.status_message or _("It is not ready."), url)

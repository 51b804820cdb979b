"""What pressing “Create” will do: what is made, what it takes of what is free, which addresses, and what is missing.

A forecast and no promise: others create at the same time. Numbers of the host are for those who may see its nodes;
everybody else is told only whether there is room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inventory import composing
from inventory.capacity import Room, room
from inventory.forms import OWN, MachineForm
from inventory.models import VirtualMachine
from inventory.services.making import NewDisk
from networking import foreseeing
from networking.models import Network
from storage.models import VirtualMachineDisk
from vmconsole.access import quota, rules
from vmconsole.access.rules import Counted
from vmconsole.pages import Icon, size
from vmconsole.runtime.quantities import BadQuantity, parse_quantity

MOST_SHOWN = 4
TIGHT = 4  # so many vCPUs for each CPU that guests wait for one another


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that will be so. `meter` is how full it will be, in percent, and how full it is."""

    icon: str
    title: str
    text: str = ""
    tone: str = ""
    meter: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Size:
    vcpus: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Bytes:
    """`now` is written at once, with the copy; `most` is what disks may grow to."""

    now: int
    most: int


def foresee(form: MachineForm, disks: Any, cards: Any, *, sees_nodes: bool) -> list[Line]:
    number = max(len(form.names), 1)
    made = composing.new_disks(form, disks, (form.names or [composing.UNNAMED])[0])
    each, host = size_of(form), room()
    lines = [machines(form, each)]
    lines += [disk_line(form, disk) for disk in made] + [card_line(form, row, number) for row in composing.rows(cards)]
    lines.append(start_line(form.cleaned_data.get("power", "")))
    lines += quota_lines(form.cleaned_data.get("namespace", ""), asked_for(each, bytes_of(form, made), number))
    if host.memory_bytes and each:
        starts = form.cleaned_data.get("power") in ("start", "Running")
        lines += room_lines(host, each, number, starts=starts, sees_nodes=sees_nodes)
    if host.storage_bytes:
        lines.append(storage_line(host, bytes_of(form, made), number, sees_nodes=sees_nodes))
    return lines


def size_of(form: MachineForm) -> Size | None:
    values = form.cleaned_data
    if values.get("sizing", OWN) != OWN:
        shape = next((shape for shape in form.types if shape.name == values["sizing"]), None)
        return Size(shape.spec_vcpus, shape.spec_memory_bytes) if shape else None
    try:
        return Size(values["vcpus"], parse_quantity(values["memory"])) if values.get("vcpus") else None
    except (KeyError, BadQuantity):
        return None


def machines(form: MachineForm, each: Size | None) -> Line:
    names, place = form.names, form.cleaned_data.get("namespace", "")
    shown = ", ".join(names[:MOST_SHOWN]) + (" …" if len(names) > MOST_SHOWN else "")
    number = max(len(names), 1)
    title = ngettext("%(number)s virtual machine", "%(number)s virtual machines", number) % {"number": number}
    if names:
        title = f"{title}: {shown}"
    size_said = _("%(vcpus)s vCPU, %(memory)s each") if number > 1 else _("%(vcpus)s vCPU, %(memory)s")
    said = size_said % {"vcpus": each.vcpus, "memory": size(each.memory_bytes)} if each else ""
    where = _("in namespace %(namespace)s") % {"namespace": place} if place else ""
    return Line(Icon("device-desktop"), title, ", ".join(filter(None, [said, where])))


def names_taken(place: str, names: list[str]) -> list[str]:
    rows = VirtualMachine.objects.filter(namespace=place, name__in=names)
    return sorted(rows.values_list("name", flat=True))


def taken_said(names: list[str]) -> str:
    return _("There is one of that name already: %(names)s") % {"names": ", ".join(names[:MOST_SHOWN])}


def disk_line(form: MachineForm, disk: NewDisk) -> Line:
    kind, wanted = next(iter(disk.source), "blank"), disk.size_bytes
    image = form.images.get(form.cleaned_data.get("image", "")) if kind == "image" else None
    if image:
        values = {"size": size(wanted or image.suggested_size_bytes), "image": image.shown_title}
        text = _("%(size)s, copied from %(image)s") % values
    elif kind == "virtualMachineDisk":
        name = disk.source["virtualMachineDisk"]["name"]
        original = originals(form, [disk]).get(name)
        values = {"size": size(wanted or (original.size_bytes if original else None)), "disk": name}
        text = _("%(size)s, a copy of %(disk)s") % values
    else:
        text = _("%(size)s, blank") % {"size": size(wanted) if wanted else "–"}
    return Line(Icon("database"), _("New disk %(name)s") % {"name": disk.name}, text)


def originals(form: MachineForm, made: list[NewDisk]) -> dict[str, VirtualMachineDisk]:
    """The disks that are copied, by name."""
    names = [disk.source["virtualMachineDisk"]["name"] for disk in made if "virtualMachineDisk" in disk.source]
    place = form.cleaned_data.get("namespace", "")
    return {disk.name: disk for disk in VirtualMachineDisk.objects.filter(namespace=place, name__in=names)}


def card_line(form: MachineForm, row: dict[str, Any], number: int) -> Line:
    network = Network.objects.filter(name=row.get("network", "")).first()
    title = _("Card on %(network)s") % {"network": row.get("network") or "–"}
    if network is None:
        return Line(Icon("network"), title)
    place = form.cleaned_data.get("namespace", "")
    found = foreseeing.foresee(network, place, mac=row.get("mac", ""), address=row.get("address", ""))
    if found.taken_by:
        said = _("%(what)s is used by %(who)s already") % {"what": found.what, "who": found.taken_by}
        return Line(Icon("network"), title, said, "bad")
    if found.free is not None and found.free < number:
        said = _("The network has %(free)s free addresses, and %(number)s are needed")
        return Line(Icon("network"), title, said % {"free": found.free, "number": number}, "bad")
    if found.kept:
        return Line(Icon("network"), title, _("Takes the kept address %(address)s") % {"address": found.address})
    if row.get("address"):
        return Line(Icon("network"), title, _("Address %(address)s, kept for it") % {"address": found.address})
    if found.address:
        said = _("Each gets a free address, from %(address)s on") if number > 1 else _("Gets %(address)s, and keeps it")
        return Line(Icon("network"), title, said % {"address": found.address})
    return Line(Icon("network"), title, _("Address from that network's own DHCP"))


def start_line(power: str) -> Line:
    said = {
        "start": _("Starts as soon as its disks are there"),
        "stay": _("Stays off until somebody starts it"),
        "Running": _("Is kept running, also after a crash"),
        "Stopped": _("Is kept stopped"),
    }
    return Line(Icon("bolt"), said.get(power, said["start"]))


def asked_for(each: Size | None, disks: Bytes, number: int) -> quota.Amounts:
    asked = {Counted.MACHINES: number, Counted.STORAGE: disks.most * number}
    if each:
        asked |= {Counted.VCPUS: each.vcpus * number, Counted.MEMORY: each.memory_bytes * number}
    return quota.Amounts(asked)


def quota_lines(place: str, asked: quota.Amounts) -> list[Line]:
    """What of the namespace's limits this takes; nothing where there are none."""
    limits = quota.limits_of(place)
    if not limits:
        return []
    used = quota.used([place])[place]
    over = {each.counted for each in rules.excess(limits, used, asked)}
    return [
        quota_line(counted, (used[counted], asked[counted], limits[counted]), over=counted in over)
        for counted in Counted
        if counted in limits and asked[counted]
    ]


def quota_line(counted: Counted, figures: tuple[int, int, int], *, over: bool) -> Line:
    used, asked, limit = figures
    title = _("%(what)s: more than the quota leaves") if over else _("%(what)s: within the quota")
    said = _("%(used)s used + %(asked)s asked for, of %(limit)s")
    values = {"used": used, "asked": asked, "limit": limit}
    shown = {name: quota.figure(counted, value) for name, value in values.items()}
    meter = (percent(used + asked, limit), percent(used, limit))
    return Line(Icon("folders"), title % {"what": quota.WORDS[counted]}, said % shown, "bad" if over else "", meter)


def room_lines(host: Room, each: Size, number: int, *, starts: bool, sees_nodes: bool) -> list[Line]:
    needed = each.memory_bytes * number
    lacks = needed > host.free_memory_bytes
    title = _("Memory: not enough for a start now") if lacks else _("Memory: there is room")
    if not sees_nodes:
        return [Line(Icon("cpu"), title, tone="warn" if lacks else "")]
    values = {"needed": size(needed), "free": size(host.free_memory_bytes), "total": size(host.memory_bytes)}
    said = (
        _("Takes %(needed)s of %(free)s free, of %(total)s")
        if starts
        else _("Takes %(needed)s once it starts; %(free)s are free now, of %(total)s")
    )
    used = percent(host.given_memory_bytes, host.memory_bytes)
    will = percent(host.given_memory_bytes + needed, host.memory_bytes)
    memory = Line(Icon("cpu"), title, said % values, "warn" if lacks else "", (will, used))
    return [memory, cpu_line(host, each.vcpus * number)]


def cpu_line(host: Room, more: int) -> Line:
    """CPUs are shared: more vCPUs than CPUs is usual, and many more is slow."""
    over = (host.given_vcpus + more) / host.cpus if host.cpus else 0
    values = {"given": host.given_vcpus, "cpus": host.cpus, "more": more, "ratio": f"{over:.1f}"}
    title = _("CPUs: overcommitted %(ratio)s times") if over > 1 else _("CPUs: there is room")
    said = _("vCPUs given so far: %(given)s, on %(cpus)s CPUs; this adds %(more)s")
    return Line(Icon("cpu"), title % values, said % values, "warn" if over > TIGHT else "")


def bytes_of(form: MachineForm, made: list[NewDisk]) -> Bytes:
    now = most = 0
    copied = originals(form, made)
    image = form.images.get(form.cleaned_data.get("image", ""))
    for disk in made:
        source: Any = copied.get(disk.source.get("virtualMachineDisk", {}).get("name", ""))
        source = image if "image" in disk.source else source
        now += source.status_allocated_bytes if source else 0
        most += max(disk.size_bytes, source.size_bytes if source else 0)
    return Bytes(now, most)


def storage_line(host: Room, needed: Bytes, number: int, *, sees_nodes: bool) -> Line:
    now, most, free = needed.now * number, needed.most * number, host.storage_free_bytes
    tone = "bad" if now > free else "warn" if most > free else ""
    title = {
        "": _("Storage: there is room"),
        "warn": _("Storage: less is free than its disks may grow to"),
        "bad": _("Storage: not enough for its disks"),
    }[tone]
    if not sees_nodes:
        return Line(Icon("database"), title, tone=tone)
    said = _("Writes %(now)s, may grow to %(most)s; %(free)s are free, of %(total)s")
    values = {"now": size(now), "most": size(most), "free": size(free), "total": size(host.storage_bytes)}
    used = host.storage_bytes - free
    meter = (percent(used + now, host.storage_bytes), percent(used, host.storage_bytes))
    return Line(Icon("database"), title, said % values, tone, meter)


def percent(part: int, whole: int) -> int:
    return min(round(100 * part / whole), 100) if whole else 0

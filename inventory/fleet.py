"""The fleet at one glance: who takes most now, whose disks fill up, what went wrong and nobody has seen.

Each is a few queries however many machines there are, and is kept for a moment: many look at the first page at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.models import VirtualMachine, VirtualMachineQuerySet
from inventory.navigation import digest, url_of
from observability import controller, vitals
from vmconsole.access.rights import everywhere
from vmconsole.operations.models import Operation
from vmconsole.operations.models import State as Progress
from vmconsole.runtime.models import Node, Runtime

MOST = 5
KEPT_SECONDS = 3
FULL_PERCENT = 90
FULL_KEPT_SECONDS = 60  # what guests say of their disks is a minute old already
STORAGE_LEFT = 0.1  # of a node's storage: less, and the next image import may be the last
STALE_AFTER = timedelta(minutes=2)  # four looks that did not come

# what is measured -> its title, its unit; the first is of its own virtual CPUs
TAKEN = {
    "cpu": (gettext_lazy("CPU"), "percent"),
    "memory": (gettext_lazy("Memory"), "bytes"),
    "disk": (gettext_lazy("Disks"), "bytes/s"),
    "network": (gettext_lazy("Network"), "bytes/s"),
}


@dataclass(frozen=True, slots=True)
class Taker:
    vm: VirtualMachine
    value: float
    share: int  # percent of the largest, for its bar; of CPU, of all that it has


@dataclass(frozen=True, slots=True)
class Trouble:
    """One line of what needs attention."""

    title: str
    text: str
    url: str
    tone: str = "bad"


def takers(rows: VirtualMachineQuerySet, places: list[str] | None) -> list[dict[str, Any]] | None:
    """Lists of who takes most now, or None when the controller does not answer. `places` None: all there are."""
    key = f"top:{key_of(places)}"
    found = cache.get(key)
    if found is None:
        try:
            found = controller.top(MOST, places)
        except controller.Silent:
            return None
        cache.set(key, found, KEPT_SECONDS)
    uids = {uid for pairs in found.values() for uid, _value in pairs}
    known = rows.only("uid", "namespace", "name", "display_name").in_bulk(list(uids))
    return [
        {"key": what, "title": title, "unit": unit, "rows": taking(found.get(what, []), known, whole=what == "cpu")}
        for what, (title, unit) in TAKEN.items()
    ]


def key_of(places: list[str] | None) -> str:
    return "*" if places is None else digest(places)


def taking(pairs: list[tuple[UUID, float]], known: dict[UUID, VirtualMachine], *, whole: bool) -> list[Taker]:
    most = 100.0 if whole else max((value for _uid, value in pairs), default=0.0)
    return [Taker(known[uid], value, round(100 * value / most)) for uid, value in pairs if uid in known and most]


def places_of(request: HttpRequest, within: list[str], chosen: str, *, sees_cluster: bool) -> list[str] | None:
    """Whose figures may be asked for: None for who sees everything and chose nothing."""
    if chosen:
        return within
    if everywhere(request.user) and sees_cluster:
        return None
    return [*within, ""] if sees_cluster else within


def full_disks(rows: VirtualMachineQuerySet, places: list[str] | None) -> list[Trouble]:
    """File systems inside guests with little room left, the fullest first."""

    def look() -> list[tuple[int, UUID, str]]:
        guests = rows.exclude(status_guest_as_of=None).order_by().values_list("uid", "status_guest")
        found = [(percent, uid, place) for uid, guest in guests.iterator() for percent, place in filled(guest)]
        return sorted(found, key=lambda each: -each[0])[:MOST]

    fullest = cache.get_or_set(f"full:{key_of(places)}", look, FULL_KEPT_SECONDS) or []
    known = rows.only("uid", "namespace", "name", "display_name").in_bulk([uid for _percent, uid, _place in fullest])
    return [
        Trouble(
            _("A disk of %(name)s is nearly full") % {"name": known[uid].title},
            _("%(place)s is %(percent)s %% full. Make room in the guest, or grow the disk.")
            % {"place": place, "percent": percent},
            f"{known[uid].get_absolute_url()}disks",
            "warn",
        )
        for percent, uid, place in fullest
        if uid in known
    ]


def filled(guest: dict[str, Any]) -> list[tuple[int, str]]:
    """(percent, mountpoint) of those that are nearly full. What a guest says is not trusted to make sense."""
    found = []
    for each in guest.get("filesystems") or []:
        total, used = each.get("total_bytes") or 0, each.get("used_bytes") or 0
        if total > 0 and FULL_PERCENT <= 100 * used / total <= 100:
            found.append((int(100 * used / total), str(each.get("mountpoint", ""))[:80]))
    return found


def unseen_failures(places: list[str]) -> list[Operation]:
    failed = Operation.objects.filter(namespace__in=places, state=Progress.FAILED, seen=False)
    return list(failed.order_by("-created_at")[:MOST])


def troubles(nodes: list[Node]) -> list[Trouble]:
    """What is wrong with the place itself: silent runtimes, old looks, failed checks, little storage."""
    there, now = url_of("inventory:node_list"), timezone.now()
    silent = Runtime.objects.filter(status_reachable=False).exclude(status_as_of=None)
    found = [Trouble(_("%(name)s does not answer") % {"name": row.name}, row.status_message, there) for row in silent]
    if nodes and not vitals.is_alive("controller"):
        text = _("States and figures are the last that were seen. See whether its process runs, and its log.")
        found.append(Trouble(_("The controller does not answer"), text, there))
    if nodes and not vitals.is_alive("worker"):
        text = _("What is asked for waits until it is back. See whether its process runs, and its log.")
        found.append(Trouble(_("The worker does not answer"), text, there))
    for node in nodes:
        found += [Trouble(check["message"], check.get("fix", ""), there) for check in node.failed_checks]
        if node.status_as_of and now - node.status_as_of > STALE_AFTER:
            text = _("What is shown of it is old.")
            found.append(Trouble(_("Nobody has looked at %(name)s for a while") % {"name": node.name}, text, there))
        if node.status_storage_bytes and node.status_storage_free_bytes < STORAGE_LEFT * node.status_storage_bytes:
            text = _("New disks and imports may fail. Delete what is not needed, or give it more storage.")
            found.append(
                Trouble(_("The storage of %(name)s is nearly full") % {"name": node.name}, text, there, "warn")
            )
        if node.status_used_memory_bytes > node.status_memory_bytes > 0:
            text = _("Machines were promised more than there is: when they use it, the host kills one.")
            found.append(Trouble(_("The memory of %(name)s is overcommitted") % {"name": node.name}, text, there))
    return found


def host_now() -> dict[str, float | None]:
    """The newest figures of the host, {} when there are none."""
    try:
        points = controller.host(timezone.now().timestamp() - 60)
    except controller.Silent:
        return {}
    return points[-1] if points else {}

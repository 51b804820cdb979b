"""The frame of every page: navigation with counts, the chosen namespace, what the browser remembers.

Names of other apps' pages are looked up and left out when they are not there, so that the frame never breaks a page.
Counts are kept for a few seconds: a hundred thousand machines are not counted again for every click.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import Any

from django.apps import apps
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.models import VirtualMachine
from inventory.words import WORDS
from observability import changes
from vmconsole.access.rights import Right, everywhere, may, namespaces
from vmconsole.lists import namespace_of
from vmconsole.pages import Icon

COUNTS_KEPT_SECONDS = 5  # longer: a created disk isn't counted yet; shorter: every page counts everything


@dataclass(frozen=True)
class Item:
    title: Any
    icon: str
    url_name: str
    keys: str = ""
    model: str = ""
    right: Right | None = None


TRASHED = "trash"  # counted like a model, and shown only when there is something
GROUPS: tuple[tuple[Item, ...], ...] = (
    (
        Item(gettext_lazy("Overview"), Icon("layout-dashboard"), "inventory:overview", "g o"),
        Item(
            gettext_lazy("Virtual machines"),
            Icon("device-desktop"),
            "inventory:vm_list",
            "g v",
            "inventory.VirtualMachine",
        ),
        Item(gettext_lazy("Trash"), Icon("trash"), "inventory:trash_list", "g b", TRASHED),
        Item(gettext_lazy("Disks"), Icon("database"), "storage:disk_list", "g d", "storage.VirtualMachineDisk"),
        Item(gettext_lazy("Images"), Icon("disc"), "storage:image_list", "g i", "storage.Image"),
        Item(gettext_lazy("Networks"), Icon("network"), "networking:network_list", "g n", "networking.Network"),
        Item(gettext_lazy("Machine types"), Icon("cpu"), "inventory:type_list", "g t", "inventory.VirtualMachineType"),
        Item(gettext_lazy("Nodes"), Icon("server-2"), "inventory:node_list", "g h", "runtime.Node", Right.CLUSTER_VIEW),
    ),
    (
        Item(gettext_lazy("Audit log"), Icon("shield-check"), "observability:audit_list", "g a", "", Right.AUDIT_READ),
        Item(gettext_lazy("Settings"), Icon("settings"), "access:account", "g s"),
    ),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    return {"frame": SimpleLazyObject(lambda: build(request))}


def build(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    seen = namespaces(user) if known else []
    chosen = namespace_of(request)
    shown = groups(request, seen, chosen) if known else []
    return {
        "groups": shown,
        "seen": changes.latest() if known else 0,
        "doors": " ".join(each["url"] for group in shown for each in group),
        "namespaces": seen,
        "namespace": chosen,
        "namespace_links": namespace_links(request.path, seen, chosen),
        "nav": "slim" if request.COOKIES.get("nav") == "slim" else "wide",
        "ops_open": request.COOKIES.get("ops") == "open",
        "words": words(),
    }


def namespace_links(path: str, seen: list[str], chosen: str) -> SafeString:
    """In Python: a hundred turns of a template's loop take 5 ms of every page."""
    link = f'<a href="{escape(path)}?namespace='
    marks = {chosen: ' aria-current="true"'}
    names = ((name, escape(name)) for name in seen)  # DNS labels: nothing to quote in a URL
    return SafeString("\n".join(f'{link}{shown}"{marks.get(name, "")}>{shown}</a>' for name, shown in names))


def scope(request: HttpRequest) -> list[str]:
    """The namespaces whose things a list shows."""
    chosen = namespace_of(request)
    return [chosen] if chosen else namespaces(request.user)


def groups(request: HttpRequest, seen: list[str], chosen: str) -> list[list[dict[str, Any]]]:
    within = [chosen] if chosen else seen
    limits = None if not chosen and everywhere(request.user) and may(request.user, Right.CLUSTER_VIEW, None) else within
    key = "counts" if limits is None else f"counts:{digest(within)}"
    counts = cache.get_or_set(key, lambda: count_all(limits), COUNTS_KEPT_SECONDS) or {}
    shown = [[entry(request, item, counts) for item in group if allowed(request, item)] for group in GROUPS]
    return [[each for each in group if each["url"]] for group in shown]


def digest(names: list[str]) -> str:
    """A short key for any number of namespaces."""
    return sha256(" ".join(names).encode()).hexdigest()[:32]


def allowed(request: HttpRequest, item: Item) -> bool:
    if item.right is None:
        return True
    return may(request.user, item.right, None) or bool(
        item.right is Right.AUDIT_READ and namespaces(request.user, item.right)
    )


def entry(request: HttpRequest, item: Item, counts: dict[str, int]) -> dict[str, Any]:
    url = url_of(item.url_name)
    here = request.path == url if url == "/" else bool(url) and request.path.startswith(url)
    return {
        "title": item.title,
        "icon": item.icon,
        "url": url,
        "keys": item.keys,
        "current": here,
        "count": counts.get(item.model),
    }


@lru_cache(maxsize=64)
def url_of(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def count_all(within: list[str] | None) -> dict[str, int]:
    labels = [item.model for group in GROUPS for item in group if item.model]
    return {label: number for label in labels if (number := count(label, within)) is not None}


def count(label: str, within: list[str] | None) -> int | None:
    """`within` is None for all there is: a list of every namespace would only keep the database from its indexes."""
    if label == TRASHED:
        found = VirtualMachine.objects.trashed()
        return (found.count() if within is None else found.filter(namespace__in=within).count()) or None
    try:
        model = apps.get_model(label)
    except LookupError:
        return None
    rows = model.objects.living() if hasattr(model.objects, "living") else model.objects.all()
    limited = within is not None and hasattr(model, "namespace")
    return int(rows.filter(namespace__in=within).count() if limited else rows.count())


def words() -> dict[str, str]:
    """The scripts' sentences in the reader's language; none are sent for English, where the sentence is the key."""
    if translation.get_language() == "en":
        return {}
    said: Callable[[str], str] = _
    return {sentence: said(sentence) for sentence in WORDS}

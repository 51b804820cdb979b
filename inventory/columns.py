"""The columns of the machine list: which there are, in which order somebody wants them, and whose choice holds.

What the URL says comes first (somebody is trying it out), then the saved view that is open, then the person's own
choice, then ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy

from inventory.models import SavedView
from vmconsole.access.models import User

LIST = "vms"


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    title: Any
    look: str = ""
    sorts: bool = False


COLUMNS = {
    column.key: column
    for column in (
        Column("state", gettext_lazy("State"), sorts=True),
        Column("namespace", gettext_lazy("Namespace"), sorts=True),
        Column("vcpus", gettext_lazy("vCPUs"), "num"),
        Column("memory", gettext_lazy("Memory"), "num"),
        Column("cpu", gettext_lazy("CPU"), "cell-spark"),
        Column("memory-used", gettext_lazy("Memory used"), "cell-spark"),
        Column("address", gettext_lazy("Address")),
        Column("node", gettext_lazy("Node"), sorts=True),
        Column("labels", gettext_lazy("Labels")),
        Column("created", gettext_lazy("Created"), "cell-when", sorts=True),
        Column("started", gettext_lazy("Started")),
        Column("folder", gettext_lazy("Folder")),
        Column("type", gettext_lazy("Machine type")),
        Column("os", gettext_lazy("Operating system")),
    )
}
DEFAULT = ("state", "namespace", "vcpus", "memory", "cpu", "address", "labels", "created")


def known(names: Iterable[Any]) -> tuple[str, ...]:
    """Those that exist, each once, in the order given; ours when there are none."""
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name in COLUMNS)) or DEFAULT


def liked(user: User) -> dict[str, Any]:
    """How this person likes the list. What is stored may be of an older version."""
    kept = user.lists.get(LIST, {}) if isinstance(user.lists, dict) else {}
    return kept if isinstance(kept, dict) else {}


def view_of(user: User, asked: Mapping[str, Any]) -> SavedView | None:
    """The saved view that the URL names, if they may see it."""
    try:
        uid = UUID(asked.get("view", ""))
    except ValueError:
        return None
    found: SavedView | None = SavedView.objects.visible_to(user).filter(uid=uid).first()
    return found


def columns_of(user: User, asked: Mapping[str, Any], view: SavedView | None) -> tuple[str, ...]:
    if asked.get("columns"):
        return known(asked["columns"].split(","))
    if view is not None and view.columns:
        return known(view.columns)
    kept = liked(user).get("columns")
    return known(kept if isinstance(kept, list) else ())

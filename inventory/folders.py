"""Folders of the machine list: the label `vmconsole.dev/folder: prod/web`, as a tree with counts.

A folder is nothing but what machines say, so there is none to create, to own or to forget: the last machine that leaves
takes it along. Counts are kept for a few seconds, as those of the navigation.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from hashlib import sha256

from django.core.cache import cache
from django.db.models import Count

from inventory.models import VirtualMachineQuerySet
from vmconsole.query import Term, terms

KEPT_SECONDS = 5
MOST = 500  # more than anybody reads
DEEPEST = 8
CHANGED = "folders-changed"


@dataclass
class Folder:
    """One folder. `count`: the machines in it and below it. `query`: the search that shows them."""

    name: str
    path: str
    count: int = 0
    query: str = ""
    current: bool = False
    open: bool = False
    below: dict[str, Folder] = field(default_factory=dict)

    @property
    def children(self) -> list[Folder]:
        return sorted(self.below.values(), key=lambda folder: folder.name.lower())


def counted(rows: VirtualMachineQuerySet, key: str) -> list[tuple[str, int]]:
    """How many machines each folder holds, by its index alone. `key`: who sees which machines."""
    digest = sha256(f"{cache.get(CHANGED, 0)} {key}".encode()).hexdigest()[:32]
    found = rows.exclude(folder="").order_by("folder").values_list("folder").annotate(number=Count("*"))
    kept: list[tuple[str, int]] = cache.get_or_set(f"folders:{digest}", lambda: list(found[:MOST]), KEPT_SECONDS) or []
    return kept


def forget() -> None:
    """Count again: somebody moved machines and looks at the tree to see it."""
    cache.set(CHANGED, time.time(), None)


def tree(counts: list[tuple[str, int]], query: str) -> Folder:
    """The tree, open as far as the folder that the search is in. Its root stands for all machines."""
    searched = terms(query)
    here = next((term.value.strip("/") for term in searched if term.key == "folder" and not term.no), "")
    others = [str(term) for term in searched if term.key != "folder"]
    root = Folder("", "", query=" ".join(others), current=not here)
    for path, number in counts:
        at = root
        for part in [part for part in path.split("/") if part][:DEEPEST]:
            if part not in at.below:
                whole = f"{at.path}/{part}".lstrip("/")
                at.below[part] = Folder(part, whole, query=" ".join([*others, str(Term("folder", ":", whole))]))
            at = at.below[part]
            at.count += number
            at.current = at.path == here
            at.open = at.current or here.startswith(f"{at.path}/")
    return root

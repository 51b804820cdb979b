"""Folders of the machine list: the label `vmconsole.dev/folder: prod/web`, as a tree with counts.

A folder is nothing but what machines say, so there is none to create, to own or to forget: the last machine that leaves
takes it along. Counts are kept for a few seconds, as those of the navigation.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from urllib.parse import quote_plus

from django.core.cache import cache
from django.db.models import Count
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from inventory.models import VirtualMachineQuerySet
from vmconsole.pages import Icon, icon
from vmconsole.query import Term, terms

KEPT_SECONDS = 5
MOST = 500  # more than anybody reads
DEEPEST = 8
CHANGED = "folders-changed"
NODE = """<li>{below}<a href="?{there}"{current}>{icon}<span class="clip">{name}</span>
<span class="nav-count">{count}</span></a></li>"""
BELOW = '<details{open}><summary aria-label="{label}">{icon}</summary>{tree}</details>'


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


def tree_html(folders: Iterable[Folder], kept: str) -> SafeString:
    """Folders of one level with those below them; in Python, as rows are. `kept`: what else stands in the URL."""
    icons = icon(Icon("folder"), "icon-sm"), icon(Icon("chevron-right"), "icon-sm")
    return SafeString(level_html(folders, f"{kept}&" if kept else "", _("Folders in %(name)s"), *icons))


def level_html(folders: Iterable[Folder], kept: str, label: str, own: str, opener: str) -> str:
    lines = []
    for folder in folders:
        name, below = escape(folder.name), ""
        if folder.below:
            under = level_html(folder.children, kept, label, own, opener)
            said = label % {"name": name}
            below = BELOW.format(open=" open" if folder.open else "", label=said, icon=opener, tree=under)
        current = ' aria-current="true"' if folder.current else ""
        there = escape(f"{kept}q={quote_plus(folder.query)}")
        lines.append(NODE.format(below=below, there=there, current=current, icon=own, name=name, count=folder.count))
    return f"<ul>{''.join(lines)}</ul>"

"""`get vm -q`: the search words of the console's list of machines.

The search says which machines fit; how they are shown is the Table's business, as without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from vmctl.discovery import MACHINE, Resource
from vmctl.errors import usage
from vmctl.session import Session
from vmctl.words import _


def fitting(session: Session, words: str, wanted: list[tuple[Resource, list[str]]]) -> set[str]:
    """The uids of the machines that fit every word. Words that are none are refused."""
    if any(resource.kind != MACHINE.kind or names for resource, names in wanted):
        raise usage(_("Search words are for virtual machines, without their names: vmctl get vm -q state:running"))
    return {str(found["uid"]) for found in session.api.pages("/api/v1/search", {"q": words})}


def only(pages: Iterable[dict[str, Any]], uids: set[str]) -> Iterator[dict[str, Any]]:
    """The Tables with those rows alone."""
    for page in pages:
        rows = page.get("rows") or []
        yield {**page, "rows": [row for row in rows if row["object"]["metadata"]["uid"] in uids]}

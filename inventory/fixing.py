"""The fixes of a “why?” line as buttons: where each leads, and the sentence why somebody may not use it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from inventory.why import Fix
from vmconsole.access.rights import Right, may

if TYPE_CHECKING:
    from inventory.showing import Button, Shown
    from inventory.situations import Situation


@dataclass(frozen=True, slots=True)
class FixButton:
    """A link, something that is posted with `values` as JSON, or the button of a verb."""

    label: str
    url: str = ""
    post: bool = False
    values: str = ""
    why_not: str = ""
    verb: Button | None = None
    of_machine: bool = False


def buttons(row: Shown, situation: Situation, fixes: tuple[Fix, ...]) -> list[FixButton]:
    """Those that lead somewhere. A name that is not known, so that a page has no address, leaves its fix out."""
    made = (button(row, situation, fix) for fix in fixes)
    return [one for one in made if one is not None]


def button(row: Shown, situation: Situation, fix: Fix) -> FixButton | None:
    if fix.kind == "verb":
        verb = row.button(fix.target)
        return FixButton(verb.label, verb.url, post=True, why_not=verb.why_not, verb=verb, of_machine=True)
    why_not = forbidden(row, fix)
    values = {name: text(situation) for name, text in fix.values}
    if fix.kind == "tab":
        return FixButton(str(fix.label), f"{row.url}{fix.target}", why_not=why_not)
    url = f"{row.url}{fix.target}"
    of_machine = fix.kind == "post" and ":" not in fix.target
    if not of_machine:
        where = [text(situation) for text in fix.where]
        try:
            url = reverse(fix.target, args=where) if all(where) else ""
        except NoReverseMatch:
            url = ""
    if not url:
        return None
    if fix.kind == "post":
        return FixButton(str(fix.label), url, True, json.dumps(values), why_not, of_machine=of_machine)
    query = urlencode({name: value for name, value in values.items() if value})
    return FixButton(str(fix.label), f"{url}?{query}" if query else url, why_not=why_not)


def forbidden(row: Shown, fix: Fix) -> str:
    """The sentence why this person may not, or "" when they may."""
    if fix.right == "edit" and not row.may_edit:
        return _("Your role may look at it, but not change it.")
    if fix.right == "console" and not row.may_console:
        return _("Looking into a machine needs a role that may change it.")
    if fix.right == "cluster-edit" and not may(row.user, Right.CLUSTER_EDIT, None):
        return _("Only an administrator of the cluster may do that. Ask one.")
    if fix.right == "cluster-view" and not may(row.user, Right.CLUSTER_VIEW, None):
        return _("Your role does not see the hosts. Ask an administrator of the cluster.")
    return ""

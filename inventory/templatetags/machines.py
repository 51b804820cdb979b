"""Template tags for machines: the buttons of verbs, drawn by the rules."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from inventory.columns import Column
from inventory.folders import Folder, tree_html
from inventory.rows import row_html
from inventory.showing import Button, Shown

register = template.Library()


@register.simple_tag
def vm_row(row: Shown, columns: list[Column]) -> SafeString:
    """A row of the machine list."""
    return row_html(row, [column.key for column in columns])


@register.simple_tag(takes_context=True)
def folder_tree(context: dict[str, Any], root: Folder) -> SafeString:
    """All folders, each a link to the search that shows its machines, with whatever else the URL says kept."""
    kept = context["request"].GET.copy()
    for name in ("q", "page"):
        kept.pop(name, None)
    return tree_html(root.children, kept.urlencode())


@register.inclusion_tag("inventory/verb.html")
def verb(row: Shown, name: str, where: str = "header", look: str = "") -> dict[str, Any]:
    """A button for one verb of one machine; `where` is header, row, side or menu."""
    return drawn(row, row.button(name), where, look)


@register.inclusion_tag("inventory/verb.html")
def verb_button(row: Shown, button: Button, where: str = "header", look: str = "") -> dict[str, Any]:
    return drawn(row, button, where, look)


def drawn(row: Shown, button: Button, where: str, look: str) -> dict[str, Any]:
    target = f"#row-{row.vm.uid}" if where == "row" else "#vm-header"
    return {
        "button": button,
        "target": target,
        "where": where,
        "look": look,
        "asks": button.verb in ("force-stop", "reset"),
        "name": row.vm.title,
        "uid": row.vm.uid,
    }

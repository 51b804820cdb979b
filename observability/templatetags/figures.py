"""Figures of charts as people read them."""

from __future__ import annotations

from django import template

from vmconsole.pages import size

register = template.Library()


@register.filter
def figure(value: float | str | None, unit: str) -> str:
    """A value in its chart's unit, a dash when it is not known."""
    if value is None or isinstance(value, str):  # a variable that is not there is ""
        return "–"
    if unit.startswith("bytes"):
        return str(size(value)) + unit.removeprefix("bytes")
    if unit == "percent":
        return f"{value:.1f} %"
    if unit == "seconds":
        return f"{1000 * value:.2f} ms"
    return f"{value:.1f} {unit.replace('ops', '').replace('packets', '').strip()}".replace(" /s", "/s")

"""Template tags for every page: icons, times, sizes, states, sort links.

Built in (no `load` needed), so that templates of all apps draw the same thing the same way. What a page may say about
one machine is not here but in `inventory`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

from django import template
from django.template.context import Context
from django.utils import dateformat, timezone
from django.utils.html import avoid_wrapping, escape, format_html
from django.utils.safestring import SafeString
from django.utils.timesince import TIME_STRINGS
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django_vite.core.asset_loader import DjangoViteAssetLoader

from vmconsole.access import zones

register = template.Library()


class Icon(str):
    """The name of an icon. The build of the sprite looks for these calls, so that a name in Python is drawn too."""

    __slots__ = ()


HUES = 12  # classes of the style sheet
UNITS = (
    ("year", 31_536_000),
    ("month", 2_592_000),
    ("week", 604_800),
    ("day", 86_400),
    ("hour", 3600),
    ("minute", 60),
)
# One table for every kind's states, phases and results; the dot's colour follows from the tone.
TONES = {
    "ok": "Running Succeeded done Ready Available Bound succeeded accepted ok Normal reachable Enabled",
    "busy": "Provisioning Starting Stopping Terminating Migrating Importing ImportInProgress CloneInProgress "
    "ImportScheduled CloneScheduled WaitingForReceiver UploadReady UploadScheduled open Restarting attempted started",
    "warn": "Paused Pending PendingIPAllocation PendingExternalIPAllocation WaitingForDisk WaitingForVolumeBinding "
    "Warning warning refused NotReady",
    "bad": "CrashLoopBackOff Unknown ErrorUnschedulable ErrImagePull ImagePullBackOff ErrorPvcNotFound DataVolumeError "
    "ErrorConfiguration DiskError Failed failed error Unreachable",
}
TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}
# Verbs of operations and of the audit.
ASKED = {
    "create": gettext_lazy("Create"),
    "start": gettext_lazy("Start"),
    "stop": gettext_lazy("Stop"),
    "force-stop": gettext_lazy("Force stop"),
    "restart": gettext_lazy("Restart"),
    "reset": gettext_lazy("Reset"),
    "pause": gettext_lazy("Pause"),
    "resume": gettext_lazy("Resume"),
    "edit": gettext_lazy("Edit"),
    "delete": gettext_lazy("Delete"),
    "adopt": gettext_lazy("Adopt"),
    "trash": gettext_lazy("Move to the trash"),
    "restore": gettext_lazy("Restore"),
    "purge": gettext_lazy("Purge"),
    "grow": gettext_lazy("Grow"),
    "retry": gettext_lazy("Retry"),
    "cancel": gettext_lazy("Cancel"),
}
# Words of the model that a reader should see spelled out.
SPELLED = {
    "ErrorConfiguration": gettext_lazy("Configuration error"),
    "ErrorPvcNotFound": gettext_lazy("Disk not found"),
    "ErrorUnschedulable": gettext_lazy("No room"),
    "DataVolumeError": gettext_lazy("Disk failed"),
    "open": gettext_lazy("In progress"),
    "done": gettext_lazy("Done"),
    "failed": gettext_lazy("Failed"),
    "cancelled": gettext_lazy("Cancelled"),
    "attempted": gettext_lazy("Attempted"),
    "refused": gettext_lazy("Refused"),
    "accepted": gettext_lazy("Accepted"),
    "succeeded": gettext_lazy("Succeeded"),
    "started": gettext_lazy("Begun"),
    "ended": gettext_lazy("Ended"),
    "Running": gettext_lazy("Running"),
    "Stopped": gettext_lazy("Stopped"),
    "Paused": gettext_lazy("Paused"),
    "Starting": gettext_lazy("Starting"),
    "Stopping": gettext_lazy("Stopping"),
    "Pending": gettext_lazy("Pending"),
    "Provisioning": gettext_lazy("Provisioning"),
    "Terminating": gettext_lazy("Deleting"),
    "Failed": gettext_lazy("Failed"),
    "NotReady": gettext_lazy("Not ready"),
    "Unknown": gettext_lazy("Unknown"),
    "CrashLoopBackOff": gettext_lazy("Crash loop"),
    "ImportInProgress": gettext_lazy("Importing"),
    "CloneInProgress": gettext_lazy("Cloning"),
    "UploadReady": gettext_lazy("Waiting for upload"),
    "WaitingForDisk": gettext_lazy("Waiting for disk"),
    "DiskError": gettext_lazy("Disk error"),
    "Succeeded": gettext_lazy("Ready"),
    "Ready": gettext_lazy("Ready"),
}


@lru_cache(maxsize=1)
def sprite_url() -> str:
    """Asked for with every icon, and the same until the next build."""
    return str(DjangoViteAssetLoader.instance().generate_vite_asset_url("src/icons.svg"))


@register.simple_tag
def sprite() -> str:
    return sprite_url()


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>', extra, sprite_url(), name
    )


@register.simple_tag
def ago(moment: datetime | None, empty: str = "–") -> SafeString | str:
    """A relative time that the page keeps true, with the exact one on hover."""
    if moment is None:
        return empty
    exact = moment.astimezone(UTC)
    said = passed((timezone.now() - moment).total_seconds())
    day, clock = f"{exact:%Y-%m-%d}", f"{exact:%H:%M:%S}"
    return SafeString(f'<time datetime="{day}T{clock}Z" data-ago title="{day} {clock} UTC">{said}</time>')


@register.simple_tag
def moment(at: datetime | str | None, look: str = "Y-m-d H:i:s") -> SafeString | str:
    """An exact time in the reader's zone, with the exact UTC on hover."""
    if not at:
        return "–"
    then = datetime.fromisoformat(at) if isinstance(at, str) else at
    exact = then.astimezone(UTC)
    said = escape(dateformat.format(then.astimezone(zones.here()), look))
    utc = f"{exact:%Y-%m-%d %H:%M:%S}"
    return SafeString(f'<time datetime="{utc.replace(" ", "T")}Z" title="{utc} UTC">{said}</time>')


def passed(seconds: float) -> str:
    """Django's `timesince` in one unit, without its calendar: a list says it fifty times."""
    for unit, length in UNITS:
        if seconds >= length:
            return units_ago(get_language(), unit, int(seconds // length))
    return _("now")


@lru_cache(maxsize=4096)
def units_ago(_language: str | None, unit: str, number: int) -> str:
    return escape(_("%(time)s ago") % {"time": avoid_wrapping(TIME_STRINGS[unit] % {"num": number})})


def labels_html(labels: dict[str, str], there: str, most: int = 3) -> str:
    """Labels as coloured tags, each a link to what has it too; `there` is the list. More than `most` are counted."""
    shown = [pair for pair in sorted(labels.items()) if not pair[0].startswith("vmconsole.dev/")]
    if not shown:
        return ""
    tags = [label_html(key, str(value), there) for key, value in shown[:most]]
    rest = shown[most:]
    if rest:
        title = escape(", ".join(f"{key}={value}" for key, value in rest))
        tags.append(f'<span class="quiet" title="{title}">+{len(rest)}</span>')
    return f'<span class="labels">{"".join(tags)}</span>'


@lru_cache(maxsize=4096)
def label_html(key: str, value: str, there: str) -> str:
    """One colour for a key, always the same, so that people learn to see it."""
    whole = f"{key}={value}" if value else key
    query = urlencode({"q": f'label:"{whole}"' if " " in whole else f"label:{whole}"})
    look = f"label-tag hue-{crc32(key.encode(errors='replace')) % HUES}"
    said = f"<b>{escape(value)}</b>" if value else ""
    return (
        f'<a class="{look}" href="{escape(there)}?{escape(query)}" title="{escape(whole)}">'
        f"<span>{escape(key.rpartition('/')[2])}</span>{said}</a>"
    )


@register.simple_tag
def labels(of: dict[str, str], there: str, most: int = 12) -> SafeString:
    return SafeString(labels_html(of, there, most))


@register.filter
def size(value: float | str | None) -> str:
    """Bytes as people read them: 512 MiB, 1.5 TiB. A template's missing value comes as ""."""
    if value is None or value == "":
        return "–"
    amount, unit = float(value), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if abs(amount) < 1024 or unit == "PiB":
            break
        amount /= 1024
    digits = 0 if unit == "B" or amount >= 100 else 1
    number = f"{amount:.{digits}f}"
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


@register.filter
def percent_of(part: float | None, whole: float | None) -> int:
    return round(100 * (part or 0) / whole) if whole else 0


@register.filter
def tone(word: object) -> str:
    return TONE_OF.get(str(word), "off")


@register.filter
def spelled(word: object) -> str:
    text = str(word)
    return str(SPELLED.get(text, text)) if text else _("Unknown")


@register.filter
def asked(verb: object) -> str:
    """What somebody asked for, as a word of the reader's language."""
    return str(ASKED.get(str(verb), verb))


@register.inclusion_tag("parts/state.html")
def state(word: object, why: str = "", pill: bool = False) -> dict[str, Any]:
    return {"word": word, "why": why, "pill": pill}


@register.inclusion_tag("parts/sort.html", takes_context=True)
def sort(context: Context, key: str, label: str, extra: str = "") -> dict[str, Any]:
    """A table head that sorts on the server. `sort` in the URL, `-` for the other way round."""
    request = context["request"]
    now = request.GET.get("sort") or context.get("sort") or ""
    other = f"-{key}" if now == key else key
    query = request.GET.copy()
    query["sort"] = other
    query.pop("page", None)
    direction = "ascending" if now == key else "descending" if now == f"-{key}" else ""
    return {"label": label, "query": query.urlencode(), "direction": direction, "extra": extra}


@register.inclusion_tag("parts/verb.html")
def button(
    url: str,
    label: str,
    icon: str = "",
    why_not: str = "",
    look: str = "",
    target: str = "",
    method: str = "post",
    quiet: bool = False,
) -> dict[str, Any]:
    """A button that posts by htmx; with `why_not` it is disabled and says why."""
    return {
        "url": url, "label": label, "icon_name": icon, "why_not": why_not, "look": look, "target": target,
        "method": method, "quiet": quiet,
    }  # fmt: skip


@register.inclusion_tag("parts/field.html")
def field(bound: Any, hint: str = "", optional: bool = False, mono: bool = False) -> dict[str, Any]:
    """One form field with label, hint and the server's error beside it."""
    widget = bound.field.widget
    kind = getattr(widget, "input_type", "textarea" if widget.__class__.__name__ == "Textarea" else "text")
    css = {"select": "form-select", "checkbox": "form-check-input", "radio": "form-check-input"}.get(
        kind, "form-control"
    )
    attrs = {
        "class": " ".join(filter(None, [css, "mono" if mono else "", "is-invalid" if bound.errors else ""])),
        "aria-describedby": f"{bound.id_for_label}-hint" if (hint or bound.help_text or bound.errors) else None,
        "aria-invalid": "true" if bound.errors else None,
    }
    attrs = {name: value for name, value in attrs.items() if value is not None}
    return {"bound": bound, "html": bound.as_widget(attrs=attrs), "kind": kind, "hint": hint, "optional": optional}

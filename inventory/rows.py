"""A row of the machine list as HTML.

In Python and not in a template, because it is drawn fifty times a page: the template engine took 90 ms for what this
does in 5. Words and icons are looked up once a language; everything that people wrote passes `escape`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from inventory.columns import DEFAULT
from inventory.showing import LABELS, Button, Shown
from inventory.states import State
from vmconsole.pages import Icon, ago, asked, icon, labels_html, size, spelled, tone
from vmconsole.query import Term

ROW = """<tr id="row-{uid}" hx-get="{rows}{uid}" hx-trigger="{events}" hx-target="this" hx-swap="morph:outerHTML">
<td class="tight cell-check">{check}</td>
<th scope="row"><a href="{url}">{title}</a>{sub}</th>
{cells}
<td class="tight cell-acts"><span class="acts">{acts}</span></td>
</tr>
"""
CHECK = '<input class="form-check-input row-check" type="checkbox" name="uid" value="{}" aria-label="{}">'
STATE = '<span class="state tone-{}" title="{}">{}</span>'
SUB = '<span class="row-sub">{}</span>'
CLIPPED = '<span class="row-sub clip" title="{}">{}</span>'
SPARK = '<span class="spark" data-spark="{}" data-uid="{}">–</span>'
PROGRESS = '{0} <progress class="meter meter-sm" max="100" value="{1}">{1} %</progress> {1} %'
VERB = """<button id="row-{uid}-{verb}" class="btn btn-ghost btn-row" type="button" hx-post="{url}"
 hx-target="#row-{uid}" hx-swap="morph:outerHTML" title="{label}" aria-label="{label} {title}">{icon}</button>"""
REFUSED = """<button id="row-{uid}-{verb}" class="btn btn-ghost btn-row" type="button" disabled title="{why_not}"
 aria-label="{label} {title}">{icon}</button>"""
DETAILS = """<button class="btn btn-ghost btn-row" type="button" hx-get="{url}side" hx-target="#side"
 hx-swap="innerHTML" title="{words.details}" aria-label="{label}">{words.details_icon}</button>"""
CANCEL = """<button class="btn btn-row" type="button" hx-post="{url}" hx-swap="none"
 aria-label="{cancel} {title}"{off}>{cancel}</button>"""
ADOPT = """<button class="btn btn-ghost btn-row" type="button" hx-get="{url}adopt" hx-target="#dialog"
 hx-swap="innerHTML" title="{words.adopt}" aria-label="{label}">{words.adopt_icon}</button>"""


@dataclass(frozen=True, slots=True)
class Words:
    """What is the same in every row."""

    rows: str
    namespace: str
    address: str
    outside: str
    choose: str
    cancel: str
    list: str
    details: str
    details_of: str
    details_icon: str
    adopt: str
    adopt_named: str
    adopt_icon: str
    icons: dict[str, str]
    states: dict[str, str]


@lru_cache(maxsize=8)
def words(_language: str | None) -> Words:
    return Words(
        rows=f"{reverse('inventory:vm_list')}rows/",
        namespace=escape(_("Namespace")),
        address=escape(_("Address")),
        outside=f'<span class="tag">{escape(_("made outside"))}</span>',
        choose=_("Choose %(name)s"),
        cancel=escape(_("Cancel")),
        list=reverse("inventory:vm_list"),
        details=escape(_("Details")),
        details_of=_("Details of %(name)s"),
        details_icon=icon(Icon("layout-sidebar-right-expand")),
        adopt=escape(_("Adopt")),
        adopt_named=_("Adopt %(name)s"),
        adopt_icon=icon(Icon("home-plus")),
        icons={name: icon(name) for _label, name in LABELS.values()},
        states={word.value: state_html(word.value) for word in State},
    )


def row_html(row: Shown, columns: Iterable[str] = DEFAULT) -> SafeString:
    """The whole row. It asks for itself again when its machine, or the operation it shows, has changed."""
    vm, known = row.vm, words(get_language())
    title = escape(vm.title)
    text = ROW.format(
        uid=vm.uid,
        rows=known.rows,
        events=events(row),
        check=CHECK.format(vm.uid, known.choose % {"name": title}) if row.may_edit else "",
        url=escape(row.url),
        title=title,
        sub=f'<span class="row-sub mono">{escape(vm.name)}</span>' if vm.display_name else "",
        cells="\n".join(CELLS[key](row, known) for key in columns),
        acts=acts(row, title, known),
    )
    return SafeString(text)


def place(row: Shown, known: Words) -> str:
    return f'<td class="dim" data-label="{known.namespace}">{escape(row.vm.namespace) or known.outside}</td>'


def tags(row: Shown, known: Words) -> str:
    return f'<td class="cell-labels">{labels_html(row.vm.labels, known.list, 2)}</td>'


def folder(row: Shown, known: Words) -> str:
    if not row.vm.folder:
        return '<td class="dim cell-less">–</td>'
    there = f"{known.list}?{urlencode({'q': str(Term('folder', ':', row.vm.folder))})}"
    return f'<td class="cell-less"><a href="{escape(there)}">{escape(row.vm.folder)}</a></td>'


def spark(row: Shown, kind: str) -> str:
    """What it takes, as a small line that the page draws (`frontend/src/page/sparks.ts`) while it runs."""
    return f'<td class="dim cell-spark">{"–" if row.vm.is_off else SPARK.format(kind, row.vm.uid)}</td>'


def events(row: Shown) -> str:
    own = f"vm-{row.vm.uid} from:body throttle:400ms"
    return f"{own}, operation-{row.operation.uid} from:body throttle:400ms" if row.operation else own


def state_html(word: str, message: str = "") -> str:
    return STATE.format(tone(word), escape(message or word), escape(spelled(word)))


def state(row: Shown, known: Words) -> str:
    """What it is, and below it what is going on, or why it is not what was asked."""
    word, message, why = row.vm.status_state, row.vm.status_message, row.why
    shown = state_html(word, message) if message else known.states[word]
    if row.operation:
        return shown + SUB.format(going_on(row))
    if why and why.tone != "off":
        return shown + CLIPPED.format(escape(why.evidence), escape(why.sentence))
    return shown


def going_on(row: Shown) -> str:
    operation = row.operation
    assert operation is not None
    said = escape(operation.message or f"{asked(operation.verb)} …")
    return said if operation.percent is None else PROGRESS.format(said, f"{operation.percent:.0f}")


def address(all_of_them: list[str]) -> str:
    if len(all_of_them) < 2:
        return escape(all_of_them[0]) if all_of_them else "–"
    rest = f'<span class="quiet" title="{escape(", ".join(all_of_them))}">+{len(all_of_them) - 1}</span>'
    return f"{escape(all_of_them[0])} {rest}"


def acts(row: Shown, title: str, known: Words) -> str:
    """The one button that fits its power, or adopting; and a look at it beside the list."""
    url = escape(row.url)
    label = known.details_of % {"name": title}
    details = DETAILS.format(url=url, label=label, words=known)
    if row.operation and row.operation.verb == "create" and row.operation.can_cancel and row.may_edit:
        there = reverse("operations:operation_cancel", args=[row.operation.uid])
        off = " disabled" if row.operation.cancel_requested else ""
        return CANCEL.format(url=there, cancel=known.cancel, title=title, off=off) + details
    if row.vm.managed:
        return verb(row, row.quick, title, known) + details
    return ADOPT.format(url=url, label=known.adopt_named % {"name": title}, words=known) + details


def verb(row: Shown, button: Button, title: str, known: Words) -> str:
    look = REFUSED if button.why_not else VERB
    return look.format(
        uid=row.vm.uid,
        verb=button.verb,
        url=escape(button.url),
        why_not=escape(button.why_not),
        label=escape(button.label),
        title=title,
        icon=known.icons[button.icon],
    )


# How each column of `inventory.columns` looks in a row. On a phone the less important ones are left out.
CELLS: dict[str, Callable[[Shown, Words], str]] = {
    "state": lambda row, known: f"<td>{state(row, known)}</td>",
    "namespace": place,
    "vcpus": lambda row, _known: f'<td class="num cell-less">{row.vcpus or "–"}</td>',
    "memory": lambda row, _known: f'<td class="num cell-less">{size(row.memory_bytes)}</td>',
    "cpu": lambda row, _known: spark(row, "cpu"),
    "memory-used": lambda row, _known: spark(row, "memory"),
    "address": lambda row, known: f'<td class="mono" data-label="{known.address}">{address(row.addresses)}</td>',
    "node": lambda row, _known: f'<td class="dim cell-less">{escape(row.vm.status_node) or "–"}</td>',
    "labels": tags,
    "created": lambda row, _known: f'<td class="dim tight cell-less cell-when">{ago(row.vm.created_at)}</td>',
    "started": lambda row, _known: f'<td class="dim tight cell-less">{ago(row.started_at)}</td>',
    "folder": folder,
    "type": lambda row, _known: f'<td class="dim cell-less">{escape(row.vm.spec_type_name) or "–"}</td>',
    "os": lambda row, _known: f'<td class="dim cell-less">{escape(row.vm.spec_os_type) or "–"}</td>',
}

"""Label and field selectors: `app=web,tier in (a, b),!old` and `metadata.name=x,status.state!=Running`, as conditions.

They are conditions of the database, so a list of a hundred thousand finds its ten without reading the rest.
"""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import In, IsNull
from django.utils.translation import gettext as _

from apiserver.kinds import Kind
from apiserver.status import BadRequest

MOST_CHARS = 4096
MOST_TERMS = 32
_KEY = r"(?:[a-z0-9A-Z][-a-z0-9A-Z.]{0,252}/)?[a-zA-Z0-9](?:[-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?"
_VALUE = r"(?:[a-zA-Z0-9](?:[-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?)?"
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*")
_EQUAL = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*({_VALUE})\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*")
_FIELD = re.compile(r"\s*([A-Za-z][A-Za-z0-9.]{0,80})\s*(==|=|!=)\s*([^,=!]{0,253}?)\s*")


def selected(rows: QuerySet[Any], kind: Kind, labels: str, fields: str) -> QuerySet[Any]:
    if len(labels) > MOST_CHARS or len(fields) > MOST_CHARS:
        raise BadRequest(_("The selector is too long."))
    if not any(column.name == "labels" for column in rows.model._meta.concrete_fields):  # noqa: SLF001
        rows = rows if _bare_fits(labels) else rows.none()
        labels = ""
    for condition in label_conditions(labels):
        rows = rows.filter(condition)
    for condition in field_conditions(fields, kind):
        rows = rows.filter(condition)
    return rows


def _bare_fits(labels: str) -> bool:
    """Whether something without any label is selected."""
    wanted = [label_term(term)[1] for term in terms(labels)] if labels.strip() else []
    return all(how in ("missing", "notin") for how in wanted)


def terms(text: str) -> list[str]:
    """Split at the commas outside of parentheses."""
    found = re.findall(r"(?:[^,()]|\([^()]*\))+", text)
    if ",".join(found) != text.strip(",") or len(found) > MOST_TERMS:
        raise unreadable(text)
    return found


def unreadable(text: str) -> BadRequest:
    return BadRequest(_("unable to parse requirement: %(text)s") % {"text": text[:200]}, field="labelSelector")


def label_conditions(text: str) -> list[Any]:
    return [_label(term) for term in terms(text)] if text.strip() else []


def _label(term: str) -> Any:
    key, how, values = label_term(term)
    match how:
        case "exists" | "missing":
            return IsNull(_of(key), how == "missing")
        case "in":
            return In(_of(key), values)
        case _:
            return Q(In(_of(key), values), _negated=True) | _missing(key)


def label_term(term: str) -> tuple[str, str, list[str]]:
    """A key, one of in, notin, exists and missing, and the values. `a=b` is `a in (b)`."""
    if among := _SET.fullmatch(term):
        key, how, listed = among.groups()
        values = [value.strip() for value in listed.split(",")]
        if not all(re.fullmatch(_VALUE, value) for value in values):
            raise unreadable(term)
        return key, how, values
    if equal := _EQUAL.fullmatch(term):
        key, how, value = equal.groups()
        return key, "notin" if how == "!=" else "in", [value]
    if exists := _EXISTS.fullmatch(term):
        bang, key = exists.groups()
        return key, "missing" if bang else "exists", []
    raise unreadable(term)


def _of(key: str) -> KeyTextTransform:
    return KeyTextTransform(_json_key(key), "labels")


def _json_key(key: str) -> str:
    """Django takes digits alone for the place in a list; a label's key never is one."""
    return key


def _missing(key: str) -> Q:
    return Q(IsNull(_of(key), True))


def field_conditions(text: str, kind: Kind) -> list[Q]:
    known = paths_of(kind)
    return [Q(**{known[path]: value}, _negated=how == "!=") for path, how, value in field_terms(text, kind)]


def paths_of(kind: Kind) -> dict[str, str]:
    """Every selectable path, with the row's column behind it."""
    own = {"metadata.name": "name", **({"metadata.namespace": "namespace"} if kind.namespaced else {})}
    return {**own, **kind.selectable}


def field_terms(text: str, kind: Kind) -> list[tuple[str, str, str]]:
    """A path, `=`, `==` or `!=`, and the value."""
    known, found = paths_of(kind), []
    for term in filter(str.strip, text.split(",")):
        match = _FIELD.fullmatch(term)
        if match is None:
            raise BadRequest(_("invalid field selector: %(text)s") % {"text": term[:200]}, field="fieldSelector")
        path, how, value = match.groups()
        if path not in known:
            raise BadRequest(_("field label not supported: %(path)s") % {"path": path}, field="fieldSelector")
        found.append((path, how, value))
    return found

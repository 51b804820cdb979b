"""The search language of the disks' and images' lists: `state:failed ns:web size>10Gi backup`.

The same text works in the page's box, in its address and in the API. A key that is not known is searched for as a
word, so nobody loses a search to a colon.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.db.models import Q, QuerySet

from vmconsole.runtime.quantities import BadQuantity, parse_quantity
from vmconsole.runtime.types import Phase

Rows = TypeVar("Rows", bound=QuerySet[Any])
_MOST_WORDS: Final = 20
_WORD: Final = re.compile(r'(-?)(?:([a-z]+)(:|>=|<=|>|<))?("[^"]*"?|\S+)')
_SIZE: Final = {":": "", ">": "__gt", "<": "__lt", ">=": "__gte", "<=": "__lte"}
_STATES: Final = {
    "ready": [Phase.SUCCEEDED],
    "failed": [Phase.FAILED],
    "busy": [Phase.IMPORTING, Phase.CLONING, Phase.UPLOAD_READY],
    "pending": [Phase.PENDING],
}


def _state(value: str) -> Q:
    words = _STATES.get(value.lower())
    return Q(status_phase__in=words) if words else Q(status_phase__iexact=value)


def _label(value: str) -> Q:
    key, equals, wanted = value.partition("=")
    return Q(**{f"labels__{key}": wanted}) if equals and _plain(key) else Q(labels__has_key=key)


def _plain(key: str) -> bool:
    """A double underscore would walk into other columns."""
    return "__" not in key and bool(key)


def _source(value: str) -> Q:
    if value == "blank":
        return Q(spec_source={})
    key = {"disk": "virtualMachineDisk", "clone": "virtualMachineDisk"}.get(value, value)
    return Q(spec_source__has_key=key)


_KEYS: Final[dict[str, Callable[[str], Q]]] = {
    "state": _state,
    "ns": lambda value: Q(namespace=value),
    "namespace": lambda value: Q(namespace=value),
    "name": lambda value: Q(name__icontains=value),
    "label": _label,
    "source": _source,
    "vm": lambda value: Q(attachments__machine_name__icontains=value),
    "attached": lambda value: Q(attachments__isnull=value.lower() in ("no", "false")),
    "os": lambda value: Q(os_type__iexact=value),
    "public": lambda value: Q(public=value.lower() in ("yes", "true")),
}
DISK_KEYS: Final = ("state", "ns", "namespace", "name", "label", "source", "vm", "attached")
IMAGE_KEYS: Final = ("state", "ns", "namespace", "name", "label", "source", "os", "public")


def matching(rows: Rows, query: str, keys: tuple[str, ...], texts: tuple[str, ...]) -> Rows:
    """The rows that satisfy every word of the query."""
    for minus, key, sign, raw in _WORD.findall(query)[:_MOST_WORDS]:
        condition = _condition(key, sign, raw.strip('"'), keys, texts)
        rows = rows.exclude(condition) if minus else rows.filter(condition)
    return rows.distinct() if "vm:" in query or "attached:" in query else rows


def _condition(key: str, sign: str, value: str, keys: tuple[str, ...], texts: tuple[str, ...]) -> Q:
    if key == "size" and sign:
        try:
            return Q(**{f"status_size_bytes{_SIZE[sign]}": parse_quantity(value)})
        except BadQuantity:
            return Q(pk__in=[])
    if key in keys and sign == ":" and value:
        return _KEYS[key](value)
    found = Q()
    for text in texts:
        found |= Q(**{f"{text}__icontains": f"{key}{sign}{value}"})
    return found


def ordered(rows: Rows, sort: str, sorts: dict[str, str]) -> Rows:
    """By one of the named columns, `-` for the other way round; the name and the uid make it total."""
    column = sorts.get(sort.removeprefix("-"))
    if column is None:
        return rows.order_by("namespace", "name")
    return rows.order_by(f"-{column}" if sort.startswith("-") else column, "name", "uid")

"""The search words of every list: `state:running -is:protected vcpu>4 "two words" web`.

One grammar for the pages, their URLs, the API and the command line; what a list can be asked is its table of `Key`s.
A word that cannot be understood is said so, naming what is known, and searched for as text, so that a search never
silently shows everything. Programs get a refusal instead (`demand`): for them it would show too much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTransform
from django.utils import timezone
from django.utils.translation import gettext as _

from vmconsole.access import zones
from vmconsole.access.errors import Unprocessable
from vmconsole.runtime.quantities import parse_quantity

Rows = TypeVar("Rows", bound=QuerySet[Any])
Condition = Callable[["Term"], Q]
Lessons = tuple[tuple[Any, tuple[str, ...]], ...]  # what the drop-down teaches: (title, words)

MOST_TERMS = 20  # each is a condition in one query
LONGEST = 1000
TERM = re.compile(r'(?P<no>-)?(?:(?P<key>[a-z]+)(?P<op>:|>=|<=|>|<))?(?P<value>"[^"]*"?|\S+)', re.IGNORECASE)
COMPARED = {":": "", ">": "__gt", "<": "__lt", ">=": "__gte", "<=": "__lte"}
TURNED = {":": ":", ">": "<", "<": ">", ">=": "<=", "<=": ">="}
AGE = re.compile(r"(\d{1,5})(m|h|d|w)", re.IGNORECASE)
SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Term:
    key: str
    op: str
    value: str
    no: bool = False

    def __str__(self) -> str:
        value = f'"{self.value}"' if " " in self.value else self.value
        return f"{'-' if self.no else ''}{self.key}{self.op if self.key else ''}{value}"


@dataclass(frozen=True, slots=True)
class Key:
    """What one word asks for. `known`: the values, or examples of them, that a sentence about a wrong one names."""

    condition: Condition
    known: tuple[str, ...] = ()
    compares: bool = False


def terms(text: str) -> list[Term]:
    found = []
    for match in TERM.finditer(text[:LONGEST].replace("\x00", "")):
        value = match["value"].strip('"')
        if value:
            found.append(Term((match["key"] or "").lower(), match["op"] or ":", value, bool(match["no"])))
    return found[:MOST_TERMS]


@dataclass(frozen=True)
class Grammar:
    """The words of one list, what text without a key means in it, and the lessons of its drop-down."""

    keys: Mapping[str, Key]
    text: Condition
    lessons: Lessons = ()

    def search(self, rows: Rows, text: str) -> tuple[Rows, list[str]]:
        """The rows that fit every word, and a sentence for each word that is none."""
        complaints: list[str] = []
        for term in terms(text):
            condition = self.condition(term, complaints)
            rows = rows.exclude(condition) if term.no else rows.filter(condition)
        return rows, complaints

    def demand(self, rows: Rows, text: str, field: str = "q") -> Rows:
        """The same for a program."""
        rows, complaints = self.search(rows, text)
        if complaints:
            raise Unprocessable(" ".join(complaints), "BadSearch", field)
        return rows

    def condition(self, term: Term, complaints: list[str]) -> Q:
        if not term.key:
            return self.text(term)
        key = self.keys.get(term.key)
        if key is None:
            said = _("There is no search word “%(word)s:” here. There are: %(known)s.")
            complaints.append(said % {"word": term.key, "known": ", ".join(self.keys)})
            return self.text(Term("", ":", f"{term.key}{term.op}{term.value}"))
        if term.op != ":" and not key.compares:
            said = _("“%(word)s” is not more or less than anything. Write “%(word)s:%(value)s”.")
            complaints.append(said % {"word": term.key, "value": term.value})
            return Q(pk__in=[])
        try:
            return key.condition(term)
        except (ValueError, OverflowError):
            complaints.append(_unfit(term, key))
            return Q(pk__in=[])


def _unfit(term: Term, key: Key) -> str:
    said = _("“%(value)s” does not fit “%(word)s”. Write for example: %(known)s.")
    if not key.known:
        said = _("“%(value)s” does not fit “%(word)s”.")
    return said % {"value": term.value, "word": term.key, "known": ", ".join(key.known)}


# --- what words mean, for the tables of lists -------------------------------------------------------------------------
def text(*columns: str) -> Condition:
    """A part of one of the columns."""

    def condition(term: Term) -> Q:
        found = Q()
        for column in columns:
            found |= Q(**{f"{column}__icontains": term.value})
        return found

    return condition


def part(*columns: str) -> Key:
    return Key(text(*columns))


def exact(column: str, *known: str) -> Key:
    return Key(lambda term: Q(**{column: term.value}), known)


def same(column: str, *known: str) -> Key:
    """Exact but for capitals."""
    return Key(lambda term: Q(**{f"{column}__iexact": term.value}), known)


def begins(column: str, *known: str) -> Key:
    return Key(lambda term: Q(**{f"{column}__startswith": term.value}), known)


def one_of(meanings: Mapping[str, Q]) -> Key:
    """A word of a fixed few."""

    def condition(term: Term) -> Q:
        try:
            return meanings[term.value.lower()]
        except KeyError:
            raise ValueError(term.value) from None

    return Key(condition, tuple(meanings))


def yes_or_no(yes: Q) -> Key:
    return one_of({"yes": yes, "no": ~yes, "true": yes, "false": ~yes})


def number(column: str) -> Key:
    return Key(lambda term: Q(**{f"{column}{COMPARED[term.op]}": int(term.value)}), ("4",), compares=True)


def size(column: str) -> Key:
    def condition(term: Term) -> Q:
        return Q(**{f"{column}{COMPARED[term.op]}": parse_quantity(term.value)})

    return Key(condition, ("512Mi", "10Gi"), compares=True)


def moment(column: str) -> Key:
    """A day, or an exact time; days are the reader's."""

    def condition(term: Term) -> Q:
        if "T" in term.value.upper():
            at = datetime.fromisoformat(term.value)
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            return Q(**{f"{column}{COMPARED[term.op]}": at})
        begins = datetime.combine(date.fromisoformat(term.value), time(), zones.here())
        ends = begins + timedelta(days=1)
        if term.op == ":":
            return Q(**{f"{column}__gte": begins, f"{column}__lt": ends})
        edge = ends if term.op in (">", "<=") else begins
        return Q(**{f"{column}__{'gte' if term.op in ('>', '>=') else 'lt'}": edge})

    return Key(condition, ("2026-11-01", "2026-11-01T08:00Z"), compares=True)


def age(column: str) -> Key:
    """How long ago: younger is a later time. `age:7d` is `age<=7d`."""

    def condition(term: Term) -> Q:
        found = AGE.fullmatch(term.value)
        if found is None:
            raise ValueError(term.value)
        then = timezone.now() - int(found[1]) * SPANS[found[2].lower()]
        return Q(**{f"{column}{COMPARED['>=' if term.op == ':' else TURNED[term.op]]}": then})

    return Key(condition, ("30m", "12h", "7d", "4w"), compares=True)


def label(model: Any) -> Key:
    """`label:app`, `label:app=web`. Any text may be a label's key, so none is put into the name of a lookup."""

    def condition(term: Term) -> Q:
        key, equals, value = term.value.partition("=")
        rows = model.objects.alias(wanted=KeyTransform(key, "labels"))
        rows = rows.filter(wanted=value) if equals else rows.filter(wanted__isnull=False)
        return Q(pk__in=rows.values("pk"))

    return Key(condition, ("app", "app=web"))

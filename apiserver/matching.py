"""Selectors once more, of an object in memory: a watch is told of one change, not of a list.

The grammar is `selectors`'; here a selector is a question about facts, so that what an object was before a change can
be asked the same question as what it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apiserver import selectors
from apiserver.kinds import Kind


@dataclass(frozen=True, slots=True)
class Facts:
    """What selectors ask about: labels, and fields by their path."""

    labels: Mapping[str, str]
    fields: Mapping[str, str]


Test = Callable[[Facts], bool]


def facts_of(kind: Kind, row: Any) -> Facts:
    return Facts(
        getattr(row, "labels", {}),
        {path: _plain(getattr(row, column)) for path, column in selectors.paths_of(kind).items()},
    )


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def test_of(kind: Kind, labels: str, fields: str) -> Test | None:
    """None where nothing is selected, so that nobody asks in vain. Raises BadRequest for what cannot be read."""
    tests = [_label(term) for term in selectors.terms(labels)] if labels.strip() else []
    tests += [_field(path, how, value) for path, how, value in selectors.field_terms(fields, kind)]
    return (lambda facts: all(test(facts) for test in tests)) if tests else None


def _label(term: str) -> Test:
    key, how, values = selectors.label_term(term)
    match how:
        case "exists":
            return lambda facts: key in facts.labels
        case "missing":
            return lambda facts: key not in facts.labels
        case "in":
            return lambda facts: facts.labels.get(key) in values
        case _:
            return lambda facts: facts.labels.get(key) not in values


def _field(path: str, how: str, value: str) -> Test:
    if how == "!=":
        return lambda facts: facts.fields.get(path, "") != value
    return lambda facts: facts.fields.get(path, "") == value

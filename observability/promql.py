"""Somebody's PromQL, narrowed to what they may see. Pure.

Every selector of the query gets one more matcher, on the parsed tree and never on the text; the result is parsed again
and each selector of it must have that matcher. What cannot be parsed is refused. A further matcher can only take
series away: whatever else the query says about namespaces, joins, renames or counts, it does so with what is left.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

import promql_parser as pql

LONGEST = 4096
# The parser's tree is copied for every look at it: the time grows with the cube of its size. This many take 0.2 s.
MOST_WORDS = 150
MOST_DEPTH = 30
STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`")
LABELS = re.compile(r"\{[^{}]*\}")
WORD = re.compile(r"[\w.:]+|[^\w\s]")
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# Brings labels from series that no selector of the query names.
UNBOUND = frozenset({"info"})


class BadQuery(ValueError):
    """It cannot be read, or is more than we take. The sentence is for who typed it."""


class Reach(NamedTuple):
    """The label matcher that leaves what somebody may see. None where there is nothing to take away."""

    is_pattern: bool
    value: str


def reach(namespaces: Collection[str], *, cluster: bool) -> Reach:
    """Series of these namespaces and, with `cluster`, those of none: nodes and sums over everything."""
    if not namespaces and not cluster:
        raise ValueError("nothing can be seen: do not ask")
    names = sorted(namespaces)
    if len(names) == 1 and not cluster:
        return Reach(False, names[0])
    return Reach(True, "|".join([re.escape(name) for name in names] + ([""] if cluster else [])))


def narrowed(query: str, limit: Reach) -> str:
    """The same query, of which every selector is limited."""
    tree = parsed(query)
    try:
        text = pql.transform(tree, None, lambda node: _limited(node, limit)).prettify()
    except ValueError as error:
        raise BadQuery(str(error)) from error
    check(text, limit)
    return text


def selector(query: str, limit: Reach) -> str:
    """One series selector, as `match[]` takes it."""
    if not isinstance(parsed(query), pql.VectorSelector):
        raise BadQuery('invalid parameter "match[]": not a series selector')
    return narrowed(query, limit)


def everything(limit: Reach) -> str:
    """A selector of all that can be seen."""
    return f"{{{_text(_matcher(limit))}}}"


def parsed(query: str) -> pql.Expr:
    """The tree, after looking at how much it will be."""
    outside = LABELS.sub("{}", STRING.sub('""', query))
    if len(query) > LONGEST or len(WORD.findall(outside)) > MOST_WORDS or _depth(outside) > MOST_DEPTH:
        raise BadQuery('invalid parameter "query": the query is too long or too deep')
    try:
        tree = pql.parse(query)
    except ValueError as error:
        raise BadQuery(f'invalid parameter "query": {error}') from error
    pql.walk(tree, _refuse)
    return tree


def check(text: str, limit: Reach) -> None:
    """Once more, on what will be sent: no selector without the limit."""
    wanted = _told(_matcher(limit))
    found: list[bool] = []

    def look(node: pql.Expr) -> None:
        if isinstance(node, pql.VectorSelector):
            matchers = [_told(each) for each in node.matchers.matchers]
            found.append(wanted in matchers and not node.matchers.or_matchers)

    pql.walk(pql.parse(text), look)
    if not all(found):
        raise BadQuery('invalid parameter "query": it cannot be limited to what you may see')


def _refuse(node: pql.Expr) -> None:
    if isinstance(node, pql.VectorSelector) and node.matchers.or_matchers:
        raise BadQuery('invalid parameter "query": "or" between matchers is not PromQL')
    if isinstance(node, pql.Call) and node.func.name in UNBOUND:
        raise BadQuery(f'invalid parameter "query": {node.func.name}() is not offered here')


def _limited(node: pql.Expr, limit: Reach) -> pql.Expr | None:
    """A selector with the limit in front; its own matchers are written anew, as the parser understood them."""
    if not isinstance(node, pql.VectorSelector):
        return None
    own = [_text(each) for each in node.matchers.matchers]
    if node.name is not None:
        own.insert(0, f"__name__={_quoted(node.name)}")
    node.name, node.matchers = None, pql.Matchers([])
    when = str(node).removeprefix("{}")  # offset and @, which the tree cannot give otherwise
    return pql.parse(f"{{{','.join([_text(_matcher(limit)), *own])}}}{when}")


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        deepest = max(deepest, depth)
    return deepest


def _matcher(limit: Reach) -> pql.Matcher:
    return pql.Matcher(pql.MatchOp.Re if limit.is_pattern else pql.MatchOp.Equal, "namespace", limit.value)


def _told(matcher: pql.Matcher) -> tuple[str, str, str]:
    return _sign(matcher), matcher.name, matcher.value


def _sign(matcher: pql.Matcher) -> str:
    signs = ((pql.MatchOp.Equal, "="), (pql.MatchOp.NotEqual, "!="), (pql.MatchOp.Re, "=~"), (pql.MatchOp.NotRe, "!~"))
    return next(sign for op, sign in signs if matcher.op == op)


def _text(matcher: pql.Matcher) -> str:
    name = matcher.name if NAME.fullmatch(matcher.name) and ":" not in matcher.name else _quoted(matcher.name)
    return f"{name}{_sign(matcher)}{_quoted(matcher.value)}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

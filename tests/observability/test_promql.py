"""PromQL narrowed: whatever a query does, it does it with the series of one's own namespaces."""

from __future__ import annotations

import time
from contextlib import suppress

import promql_parser as pql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.promql import BadQuery, Reach, check, everything, narrowed, reach, selector

ONE = reach(["a"], cluster=False)

LEGAL = [
    "up",
    'up{namespace="other"}',
    'up{namespace=~".+"}',
    'up{namespace!="a"}',
    'up{namespace!~"a"}',
    'up{namespace=""}',
    '{__name__=~".+"}',
    '{"up", namespace="other"}',
    'sum by (namespace) (rate(up{x="1"}[5m] offset 1h))',
    'up or other{namespace="b"}',
    "up unless on() absent(nothing)",
    "up and ignoring(namespace) other",
    "max_over_time(sum(rate(up[1m]))[1h:5m] offset 1d)",
    'label_replace(up, "namespace", "b", "", "")',
    'label_join(up, "namespace", "", "x", "y")',
    'count_values("namespace", up)',
    "up * on(name) group_left(namespace) other",
    "topk(scalar(other), up)",
    "-up ^ 2",
    "absent(up)",
    "absent_over_time(up[5m])",
    "(((up)))",
    "up @ 1700000000 offset 5m",
    "up @ end()",
    "sort_desc(up) > bool 3",
    "histogram_quantile(0.9, sum by (le) (rate(up_bucket[5m])))",
    'up{a="}",b="{",c="\\"",d="\\\\",e=\'"\'}',
    'up{a="x\\n} or other{namespace=\\"b\\"}"}',
    'up{a=~"\\\\d+|x\\\\.y"}',
    "up # other{",
]


@pytest.mark.parametrize("query", LEGAL)
def test_every_selector_has_the_limit(query: str) -> None:
    text = narrowed(query, ONE)
    count = []
    pql.walk(pql.parse(text), lambda node: count.append(node) if isinstance(node, pql.VectorSelector) else None)
    assert len(count) >= 1
    check(text, ONE)


def test_what_comes_out_is_what_was_meant() -> None:
    said = {
        "up": '{__name__="up",namespace="a"}',
        'up{b="c"} offset 5m': '{__name__="up",b="c",namespace="a"} offset 5m',
        "rate(up[5m] @ 12)": 'rate({__name__="up",namespace="a"}[5m] @ 12.000)',
        'up{b=~"x\\\\.\\"y"}': '{__name__="up",b=~"x\\\\.\\"y",namespace="a"}',
        "1 + 1": "1 + 1",
        "vector(time())": "vector(time())",
    }
    assert {query: narrowed(query, ONE) for query in said} == said


@pytest.mark.parametrize(
    "query",
    [
        "",
        "up{",
        'up{namespace="a"',
        'up{a="b" or namespace="other"}',
        'up{namespace="a"} } or other',
        "up[5m",
        "up; other",
        "up)(other",
        "info(up)",
        "1 +",
        "foo bar",
        'up{a="b"}{namespace="c"}',
        "x" * 5000,
        "1" + "+1" * 2000,
        "(" * 2000 + "1" + ")" * 2000,
        "abs(" * 40 + "up" + ")" * 40,
        "-" * 4000 + "1",
        "up[5m:]" + "[5m:]" * 700,
        "\x00",
        'up{a="' + "x" * 5000,
    ],
)
def test_what_cannot_be_limited_is_refused_soon(query: str) -> None:
    began = time.monotonic()
    with pytest.raises(BadQuery):
        narrowed(query, ONE)
    assert time.monotonic() - began < 1


def test_the_largest_that_is_taken_takes_less_than_a_second() -> None:
    began = time.monotonic()
    narrowed("up" + "+up" * 74, ONE)
    assert time.monotonic() - began < 2


pieces = st.sampled_from(
    [
        *"{}()[]\"\\,=~!@:|'` \n#",
        "up",
        "namespace",
        '"other"',
        "or",
        "unless",
        "on",
        "by",
        "5m",
        "offset",
        "=~",
        '".*"',
        "sum",
    ]
)


@given(st.lists(pieces, max_size=25).map("".join))
def test_no_text_gets_by(query: str) -> None:
    with suppress(BadQuery):
        check(narrowed(query, ONE), ONE)


@given(st.text(max_size=40))
def test_no_value_gets_by(value: str) -> None:
    """Whatever a value holds, it stays a value."""
    query = 'up{a="' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"}'
    with suppress(BadQuery):
        text = narrowed(query, ONE)
        found: list[pql.VectorSelector] = []
        pql.walk(pql.parse(text), lambda node: found.append(node) if isinstance(node, pql.VectorSelector) else None)
        (one,) = found
        assert {each.name: each.value for each in one.matchers.matchers} == {
            "namespace": "a", "__name__": "up", "a": value,
        }  # fmt: skip


def test_limits_say_exactly_where() -> None:
    assert reach(["a"], cluster=False) == Reach(False, "a")
    assert reach(["b", "a-1"], cluster=False) == Reach(True, "a\\-1|b")
    assert reach(["a"], cluster=True) == Reach(True, "a|")
    assert reach([], cluster=True) == Reach(True, "")
    with pytest.raises(ValueError):
        reach([], cluster=False)
    assert everything(reach(["a", "b"], cluster=True)) == '{namespace=~"a|b|"}'


def test_series_are_asked_for_by_selectors_only() -> None:
    assert selector('{__name__="up"}', ONE) == '{__name__="up",namespace="a"}'
    for wrong in ("sum(up)", "up[5m]", "1", "up or up"):
        with pytest.raises(BadQuery):
            selector(wrong, ONE)

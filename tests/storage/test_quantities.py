"""Sizes mean what Kubernetes means by them, and survive being written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmconsole.runtime.quantities import LARGEST, BadQuantity, format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1", 1),
        ("10Gi", 10 * 2**30),
        ("4G", 4 * 10**9),
        ("512Mi", 512 * 2**20),
        ("1k", 1000),
        ("1.5Gi", 3 * 2**29),
        ("0.1Ki", 103),
        ("1e3", 1000),
        ("1E3", 1000),
        ("2E", 2 * 10**18),
        ("1500m", 2),
        (" 8Gi ", 8 * 2**30),
        (".5Ki", 512),
        ("+1Mi", 2**20),
    ],
)
def test_a_size_means_what_kubernetes_means(text: str, size: int) -> None:
    assert parse_quantity(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Gi",
        "-1",
        "-1Gi",
        "10 Gi",
        "10gi",
        "10GB",
        "1K",
        "ten",
        "1e",
        "٣Gi",
        "1Gi\n2",
        "0x10",
        "9" * 31,
        "10Ei",
        "1e99",
        "<b>",
    ],
)
def test_what_is_no_size_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadQuantity) as refusal:
        parse_quantity(text)
    assert str(refusal.value).endswith(".")


@given(st.integers(min_value=0, max_value=LARGEST))
def test_writing_and_reading_loses_nothing(size: int) -> None:
    assert parse_quantity(format_quantity(size)) == size


@pytest.mark.parametrize(
    ("size", "text"), [(10 * 2**30, "10Gi"), (4 * 10**9, "4G"), (1023, "1023"), (1536 * 2**20, "1536Mi")]
)
def test_the_shortest_exact_text_is_chosen(size: int, text: str) -> None:
    assert format_quantity(size) == text

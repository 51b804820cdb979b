"""Sizes as people write them in manifests ("10Gi", "4G"), and back.

The grammar is Kubernetes' own, so that a manifest means the same here and on a cluster. Fractions of a byte are
rounded up, as Kubernetes does, because a disk must never be smaller than what was asked.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Final

LARGEST: Final = 2**63 - 1  # what a database column and QEMU can count

_BINARY: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_MILLI: Final = "m"
_SHAPE: Final = re.compile(
    r"\+?(\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:([eE][+-]?\d{1,2})|([KMGTPE]i|[mkMGTPE]))?", re.ASCII
)


class BadQuantity(ValueError):
    """The text is no size. The message is a sentence for people."""


def parse_quantity(text: str) -> int:
    """Bytes meant by `text`, rounded up to whole ones. Raises BadQuantity with a sentence for people."""
    shape = _SHAPE.fullmatch(text.strip())
    if shape is None:
        shown = text[:40].encode("ascii", "replace").decode()
        raise BadQuantity(f"“{shown}” is not a size. Write a number with a unit, such as 512Mi, 10Gi or 4G.")
    number, exponent, suffix = shape.groups()
    value = Decimal(number + (exponent or "")) * _factor(suffix or "")
    if value > LARGEST:
        raise BadQuantity(f"“{text.strip()[:40]}” is larger than any disk or memory can be. Write a smaller size.")
    return int(value.to_integral_value(ROUND_CEILING))


def _factor(suffix: str) -> Decimal:
    if suffix == _MILLI:
        return Decimal("0.001")
    return Decimal(_BINARY.get(suffix) or _DECIMAL[suffix])


def format_quantity(size: int) -> str:
    """The shortest exact text for `size` bytes. `parse_quantity` gives the same number back."""
    if size < 0:
        raise BadQuantity("A size cannot be negative.")
    factors = [*_BINARY.items(), *((suffix, factor) for suffix, factor in _DECIMAL.items() if factor >= _DECIMAL["M"])]
    exact = [f"{size // factor}{suffix}" for suffix, factor in factors if size and size % factor == 0]
    return min([*exact, str(size)], key=len)

"""The last hour of one machine in memory, small enough for thousands of them.

One array of times and one of 32-bit values: 76 bytes a look, 27 KB an hour at one look in ten seconds. A row of NaN
is a gap. Old rows go in batches, since cutting the head of an array moves the rest.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from math import nan

from observability.rates import FIELDS

BATCH = 32


class Ring:
    """Rows of (time, values), oldest first, none older than `keep` seconds (give or take a batch)."""

    __slots__ = ("keep", "times", "values", "width")

    def __init__(self, keep: float, width: int = len(FIELDS)) -> None:
        self.keep = keep
        self.width = width
        self.times = array("d")
        self.values = array("f")

    def __len__(self) -> int:
        return len(self.times)

    def add(self, at: float, values: Sequence[float]) -> None:
        if self.times and at <= self.times[-1]:
            return
        self.times.append(at)
        self.values.extend(values)
        self.trim(at)

    def gap(self, at: float) -> None:
        """Nothing is known about now. One row is enough: a line is not drawn through it."""
        if self.times and not self.is_gap(-1):
            self.add(at, (nan,) * self.width)

    def is_gap(self, row: int) -> bool:
        row %= len(self.times)
        values = self.values[row * self.width : (row + 1) * self.width]
        return all(value != value for value in values)

    def newest(self) -> Sequence[float]:
        """The last row. Only of a ring that has one."""
        return self.values[-self.width :]

    def trim(self, now: float) -> None:
        """Forget what is too old."""
        old = bisect_right(self.times, now - self.keep)
        if old >= BATCH or old == len(self.times):
            del self.times[:old]
            del self.values[: old * self.width]

    def since(self, after: float) -> Iterator[tuple[float, Sequence[float]]]:
        """Rows later than `after`."""
        for row in range(bisect_right(self.times, after), len(self.times)):
            yield self.times[row], self.values[row * self.width : (row + 1) * self.width]

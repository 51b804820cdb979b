"""The last minutes of many machines at once, small enough to be drawn beside each of fifty rows.

Whole percents, one for ten seconds, all machines on the same row of times: so only the figures travel, and every
machine is looked at no more often than it is anyway (`docs/decisions/0004`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from math import nan
from uuid import UUID

import msgspec

from observability.rates import FIELDS
from observability.rings import Ring

STEP = 10
MOST_STEPS = 61  # ten minutes, with both ends
OLDEST = 25.0  # seconds that a figure is good for: one look may be late, two may not

CPU = FIELDS.index("cpu")
DOMAIN, HOST, GUEST = (FIELDS.index(name) for name in ("memory_domain", "memory_host", "memory_guest"))

Line = list[int | None]


class Glances(msgspec.Struct):
    """Each line ends at the time `at`: (CPU, memory) for each uid. Machines without any figure are left out."""

    at: int
    step: int
    lines: dict[str, tuple[Line, Line]]


def glances(rings: Mapping[UUID, Ring], uids: Iterable[UUID], steps: int, now: float) -> Glances:
    """The last `steps` figures of each of these machines."""
    at = int(now // STEP) * STEP
    times = range(at - (max(1, min(steps, MOST_STEPS)) - 1) * STEP, at + 1, STEP)
    lines = {}
    for uid in uids:
        if (ring := rings.get(uid)) is not None:
            rows = [row_at(ring, time) for time in times]
            if any(rows):
                lines[str(uid)] = ([percent(cpu(row)) for row in rows], [percent(memory(row)) for row in rows])
    return Glances(at, STEP, lines)


def row_at(ring: Ring, time: float) -> Sequence[float]:
    """The newest row that was known then, or nothing. That of a gap is a row too: its figures are unknown.

    A look may be adding to the ring in its thread: a row that is only half there is none yet.
    """
    row = bisect_right(ring.times, time) - 1
    if row < 0 or ring.times[row] <= time - OLDEST:
        return ()
    values = ring.values[row * ring.width : (row + 1) * ring.width]
    return values if len(values) == ring.width else ()


def cpu(row: Sequence[float]) -> float:
    return row[CPU] if row else nan


def memory(row: Sequence[float]) -> float:
    """What the guest uses, as it says; what it takes on the host, when it does not say."""
    if not row or not row[DOMAIN]:
        return nan
    return 100 * (row[HOST] if row[GUEST] != row[GUEST] else row[GUEST]) / row[DOMAIN]


def percent(value: float) -> int | None:
    return None if value != value else round(min(max(value, 0.0), 100.0))

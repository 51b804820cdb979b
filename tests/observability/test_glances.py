"""Figures for sparklines: whole percents on one row of times, and holes as holes."""

from __future__ import annotations

from uuid import UUID

import pytest

from observability.collector import Collector
from observability.glances import MOST_STEPS, glances
from tests.observability.samples import GIB, UID, Clock, Host, sample

OTHER = UUID(int=2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def collector(host: Host, clock: Clock) -> Collector:
    return Collector(lambda: host, clock=clock)  # type: ignore[arg-type, return-value]


def look(collector: Collector, host: Host, clock: Clock, at: float, *seen: object) -> None:
    clock.now = at
    host.next = list(seen)  # type: ignore[arg-type]
    collector.look()


def cpu(collector: Collector, steps: int, now: float, uid: UUID = UID) -> list[int | None]:
    return glances(collector.rings, [uid], steps, now).lines[str(uid)][0]


def test_one_figure_for_ten_seconds_whenever_the_looks_were(collector: Collector, host: Host, clock: Clock) -> None:
    for turn in range(7):
        look(collector, host, clock, 1003.4 + 10 * turn, sample(1003.4 + 10 * turn, cpu=10.0 * turn))
    told = glances(collector.rings, [UID], 4, 1064.9)
    assert (told.at, told.step) == (1060, 10)
    assert told.lines == {str(UID): ([50, 50, 50, 50], [50, 50, 50, 50])}


def test_a_late_look_is_no_hole_and_a_lost_one_is(collector: Collector, host: Host, clock: Clock) -> None:
    for at in (1000, 1010, 1031, 1080, 1090):
        look(collector, host, clock, at, sample(at, cpu=float(at)))
    # 1080 cannot be joined with anything before it, and after 1041 there should have been something
    assert cpu(collector, 10, 1090) == [None, 50, 50, 50, 50, None, None, None, None, 50]


def test_a_machine_that_stopped_is_a_hole_from_then_on(collector: Collector, host: Host, clock: Clock) -> None:
    for at in (1000, 1010, 1020):
        look(collector, host, clock, at, sample(at, cpu=float(at)))
    look(collector, host, clock, 1030)
    assert cpu(collector, 3, 1030) == [50, 50, None]


def test_memory_is_what_the_guest_says_or_else_what_the_host_gives(
    collector: Collector, host: Host, clock: Clock
) -> None:
    said = {"memory_available_bytes": GIB, "memory_usable_bytes": GIB // 4}
    look(collector, host, clock, 1000, sample(1000), sample(1000, uid=OTHER, **said))
    told = glances(collector.rings, [UID, OTHER], 1, 1000).lines
    assert [told[str(uid)][1] for uid in (UID, OTHER)] == [[50], [75]]
    assert told[str(UID)][0] == [None]  # one look makes no rate


def test_unknown_machines_are_left_out_and_more_than_ten_minutes_are_not_told(
    collector: Collector, host: Host, clock: Clock
) -> None:
    look(collector, host, clock, 1000, sample(1000))
    told = glances(collector.rings, [UID, OTHER], 10_000, 1000)
    assert list(told.lines) == [str(UID)]
    assert len(told.lines[str(UID)][0]) == MOST_STEPS
    assert glances(collector.rings, [UID], -5, 1000).lines[str(UID)][1] == [50]


def test_nobody_is_looked_at_for_it(collector: Collector, host: Host, clock: Clock) -> None:
    look(collector, host, clock, 1000, sample(1000))
    glances(collector.rings, [UID], 61, 1000)
    assert not collector.being_watched()
    assert host.asked == [None]

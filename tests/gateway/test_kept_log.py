"""A serial log over its rotations, with the times that are known, and none that are not."""

from __future__ import annotations

import os
import time
from math import inf
from pathlib import Path

import pytest
from log_times import LogTimes

from vmconsole.access.errors import Refused, Unprocessable
from vmconsole.gateway.kept_log import RECORD, opened
from vmconsole.gateway.moments import moment_of


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "m.log"


def add(log: Path, text: bytes) -> None:
    with log.open("ab") as file:
        file.write(text)


def note(log: Path, *records: tuple[float, int], file: Path | None = None) -> None:
    """Write records of (seconds, length) as the supervisor does."""
    inode = (file or log).stat().st_ino
    with log.with_name(f"{log.name}.times").open("ab") as index:
        index.write(b"".join(RECORD.pack(int(at * 1000), inode, length) for at, length in records))


def between(log: Path, since: float, until: float) -> bytes:
    with opened(log) as kept:
        return kept.read(*kept.between(since, until))


def test_what_the_supervisor_writes_is_understood(log: Path) -> None:
    times, before = LogTimes(log.parent), time.time()
    add(log, b"one\n")
    times.look()
    log.rename(log.with_name("m.log.0"))
    add(log, b"two\n")
    times.look()
    add(log, b"three\n")  # not looked at yet: the file knows
    with opened(log) as kept:
        assert kept.read(0, kept.size) == b"one\ntwo\nthree\n"
        found = [kept.times.at(place) for place in (0, 4, 8)]
        assert all(at and before - 1 < at < time.time() + 1 for at in found)
        assert kept.times.at(kept.size) is None
        assert kept.place(log.stat().st_ino, 2) == 6 and kept.in_newest(6) == 2
        assert kept.place(12345, 0) is None and kept.place(log.stat().st_ino, 99) is None


def test_a_part_of_the_time(log: Path) -> None:
    add(log, b"one\ntwo\nthree\n")
    note(log, (100, 0), (100, 4), (200, 8), (300, 14))
    assert between(log, 0, 150) == b"one\n"
    assert between(log, 150, 250) == b"two\n"
    assert between(log, 200, 200) == b"two\n"
    assert between(log, 250, inf) == b"three\n"
    assert between(log, -inf, inf) == b"one\ntwo\nthree\n"
    assert between(log, 110, 120) == between(log, 400, inf) == between(log, 0, 50) == b""


def test_lines_are_whole(log: Path) -> None:
    add(log, b"one\nlogin: root\nthree\n")
    note(log, (100, 0), (100, 11), (200, 17), (300, 22))
    assert between(log, 150, 250) == b"login: root\nthree\n"
    assert between(log, 100, 100) == b"one\nlogin: root\n"


def test_what_is_not_known_is_not_told_and_not_left_out(log: Path) -> None:
    add(log, b"old\nwatched\nmissed\nagain\n")
    note(log, (-100, 4), (150, 12), (-300, 19), (350, 25))
    with opened(log) as kept:
        assert [kept.times.at(place) for place in (0, 4, 12, 19)] == [None, 150, None, 350]
        assert kept.times.steps(4, 12) == [(8, 150)]
        assert kept.times.steps(4, 20) is None
    assert between(log, 0, 50) == b"old\n"  # it may have been then
    assert between(log, 200, 250) == b"missed\n"
    assert between(log, 120, 130) == b""
    assert between(log, 320, inf) == b"again\n"


def test_a_log_without_times(log: Path) -> None:
    add(log, b"one\n")
    with opened(log) as kept:
        assert kept.read(0, 99) == b"one\n" and not kept.times.known and kept.times.at(0) is None
    with pytest.raises(Refused, match="not known when"):
        between(log, 0, inf)
    log.unlink()
    assert between(log, 0, inf) == b""


def test_an_inode_that_was_another_files_before(log: Path) -> None:
    add(log, b"new\n")
    note(log, (100, 0), (100, 900), (200, 2000), (500, 0), (500, 4))
    with opened(log) as kept:
        assert kept.times.at(0) == 500


def test_a_clock_that_was_wrong_is_believed_less_than_a_later_one(log: Path) -> None:
    add(log, b"one\ntwo\n")
    note(log, (8e9, 0), (8e9, 4), (200, 8))
    with opened(log) as kept:
        assert [kept.times.at(0), kept.times.at(4)] == [200, 200]


def test_a_torn_or_hostile_index_is_no_harm(log: Path, tmp_path: Path) -> None:
    add(log, b"one\n")
    index = log.with_name("m.log.times")
    index.write_bytes(os.urandom(24 * 50 + 7))
    with opened(log) as kept:
        assert kept.read(0, kept.size) == b"one\n"
    index.unlink()
    os.mkfifo(index)
    with opened(log) as kept:
        assert not kept.times.known


def test_moments() -> None:
    assert moment_of("2026-11-27T10:00:00Z", "since") == moment_of("2026-11-27T11:00:00 01:00", "since")
    assert moment_of("1h30m", "since") == pytest.approx(time.time() - 5400, abs=2)
    for wrong in ("", "soon", "10", "-5m", "2026-11-27T10:00:00", "1m1h", "9" * 50 + "d", "0001-01-01"):
        with pytest.raises(Unprocessable, match="no moment"):
            moment_of(wrong, "since")

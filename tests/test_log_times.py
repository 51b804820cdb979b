"""When serial logs grew: an index that is cheap, bounded, and never says more than is known."""

from __future__ import annotations

import os
import select
import stat
import time
from pathlib import Path

import log_times
import pytest
from log_times import ENDING, LARGEST, PAUSE, RECORD, LogTimes, records_of, shortened

from tests.hosts import wait_until

NAME = "0b5f4a2e-7c1d-4f7e-9a53-1d2c3b4a5968.log"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / NAME


def index_of(log: Path) -> Path:
    return log.with_name(f"{log.name}{ENDING}")


def add(log: Path, data: bytes) -> None:
    with log.open("ab") as file:
        file.write(data)


def lengths(log: Path) -> list[int]:
    return [length for _, _, length in records_of(index_of(log))]


def test_what_is_printed_gets_its_time(log: Path) -> None:
    times = LogTimes(log.parent)
    before = time.time()
    add(log, b"one")
    times.look()
    add(log, b"two")
    times.look()
    times.look()
    found = records_of(index_of(log))
    assert [(inode, length) for _, inode, length in found] == [(log.stat().st_ino, size) for size in (0, 3, 6)]
    assert all(before - 1 < at / 1000 <= time.time() for at, _, _ in found)
    assert stat.S_IMODE(index_of(log).stat().st_mode) == 0o640


def test_a_flood_is_not_heard_between_two_looks_and_silence_costs_nothing(log: Path) -> None:
    times = LogTimes(log.parent)
    poll = select.poll()
    poll.register(times.watch.fd, select.POLLIN)
    add(log, b"x")
    assert poll.poll(1000)
    times.look()
    for _ in range(100):
        add(log, b"x")
    assert not poll.poll(0) and 0 < times.rest() <= PAUSE
    wait_until(lambda: times.rest() == 0, seconds=2)
    times.look()
    assert lengths(log) == [0, 1, 101]
    times.look()  # what grew is looked at once more; then it listens again, and is not woken by its own writing
    assert times.rest() == float("inf") and not poll.poll(0)
    add(log, b"x")
    assert poll.poll(1000)


def test_a_new_file_begins_anew(log: Path) -> None:
    times = LogTimes(log.parent)
    add(log, b"old")
    times.look()
    log.rename(log.with_name(f"{log.name}.0"))
    times.look()  # between the two files: nothing is forgotten
    add(log, b"new one")
    times.look()
    assert lengths(log) == [0, 3, 0, 7]
    log.write_bytes(b"cut")
    times.look()
    assert lengths(log) == [0, 3, 0, 7, 0, 3]


def test_what_was_printed_while_nobody_watched_has_no_time(log: Path) -> None:
    times = LogTimes(log.parent)
    add(log, b"one")
    times.look()
    add(log, b"two")
    again = LogTimes(log.parent)
    add(log, b"three")
    again.look()
    found = records_of(index_of(log))
    assert [(at > 0, length) for at, _, length in found] == [(True, 0), (True, 3), (False, 6), (True, 11)]
    LogTimes(log.parent)  # nothing was missed this time
    assert records_of(index_of(log)) == found


def test_a_torn_record_is_no_record(log: Path) -> None:
    times = LogTimes(log.parent)
    add(log, b"one")
    times.look()
    add(index_of(log), b"\x01" * 7)
    assert lengths(log) == [0, 3]
    add(log, b"two")
    times.look()
    assert lengths(log) == [0, 3, 6]
    assert index_of(log).stat().st_size % RECORD.size == 0


def test_it_goes_with_its_log(log: Path) -> None:
    times = LogTimes(log.parent)
    add(log, b"one")
    times.look()
    log.unlink()
    times.look()
    assert os.listdir(log.parent) == []
    index_of(log).write_bytes(b"left over")
    LogTimes(log.parent)
    assert os.listdir(log.parent) == []


def test_no_link_is_followed(log: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"not for you")
    for link in (os.symlink, os.link):
        link(secret, index_of(log))
        times = LogTimes(log.parent)
        add(log, b"one")
        times.look()
        assert secret.read_bytes() == b"not for you"
        index_of(log).unlink()
    log.unlink()
    log.symlink_to(secret)
    LogTimes(log.parent).look()
    assert not index_of(log).exists()


def test_it_is_bounded(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_times, "LARGEST", 100 * RECORD.size)
    times = LogTimes(log.parent)
    for _ in range(130):
        add(log, b"x")
        times.look()
    assert len(lengths(log)) <= 101
    assert lengths(log)[0] == 0 and lengths(log)[-1] == 130
    assert lengths(log) == sorted(lengths(log))
    log.rename(log.with_name("gone"))  # not kept any more
    for _ in range(110):
        add(log, b"y")
        times.look()
    assert {inode for _, inode, _ in records_of(index_of(log))} == {log.stat().st_ino}


def test_thinning_out_never_makes_the_unknown_known() -> None:
    most = LARGEST // RECORD.size // 2
    watched = [(1000 + number, 7, 10 * number) for number in range(most + 11)]
    missed = [(-(10_000 + number), 7, 10 * most + 1000 + number) for number in range(5)]
    found = shortened(watched + missed)
    assert found[0] == (1000, 7, 0)
    assert watched[-1] in found  # else what it tells would count as printed unseen
    assert found[-5:] == missed
    unseen = [(-number, 7, number) for number in range(1, 4 * most)]
    assert len(shortened(unseen)) < 2 * most

"""Console sessions out of the audit: who sat where, and what the port printed meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from log_times import LogTimes

from inventory.models import VirtualMachine
from observability import audit
from observability.models import AuditEntry
from tests.people import client_of
from tests.world import World, make_world
from vmconsole.access.actors import Actor
from vmconsole.gateway import replay

pytestmark = pytest.mark.django_db
CAROL = Actor(3, "carol", source="10.0.0.9")


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def log(settings: Any, tmp_path: Path, world: World) -> Path:
    settings.SERIAL_DIR = tmp_path
    return tmp_path / f"{world.vm.uid}.log"


def entry(vm: VirtualMachine, phase: str, **extra: Any) -> AuditEntry:
    return audit.record(
        CAROL, "console.serial", kind="Console", uid=vm.uid, name=vm.name, namespace=vm.namespace, phase=phase,
        extra={"session": "s-1", **extra},
    )  # fmt: skip


def session(world: World, log: Path, *, printed: bytes) -> AuditEntry:
    """Somebody opens the console, the guest prints, somebody leaves."""
    log.write_bytes(b"before\r\n")
    start = entry(world.vm, "started", writable=True, **replay.place_in(log))
    with log.open("ab") as file:
        file.write(printed)
    entry(world.vm, "ended", seconds=4.0, bytes_up=3, bytes_down=len(printed), **replay.place_in(log))
    with log.open("ab") as file:
        file.write(b"after\r\n")
    return start


def test_listed_and_replayed_by_who_may(world: World, log: Path) -> None:
    start = session(world, log, printed=b"login: root\r\n\x1b]0;owned\x07")
    alice, carol, bob = (client_of(each) for each in (world.people.alice, world.people.carol, world.people.bob))
    page = alice.get("/audit/consoles").content.decode()
    assert "carol" in page and "13 B" not in page and f"/audit/{start.id}/replay" in page
    answer = alice.get(f"/audit/{start.id}/replay.log")
    assert answer.content == b"login: root\r\n\x1b]0;owned\x07"
    assert answer["Content-Disposition"].startswith("attachment")
    assert alice.get(f"/audit/{start.id}/replay").status_code == 200
    assert [each.get(f"/audit/{start.id}/replay.log").status_code for each in (carol, bob)] == [403, 403]
    told = AuditEntry.objects.filter(action="console_replay")
    assert [(each.actor_name, each.name) for each in told] == [("alice", "canary-vm")]  # once, for page and bytes


def test_of_a_silent_machine_it_shows_what_was_on_the_screen(world: World, log: Path) -> None:
    start, alice = session(world, log, printed=b""), client_of(world.people.alice)
    page = alice.get(f"/audit/{start.id}/replay").content.decode()
    assert "It printed nothing" in page and "<vm-replay" in page
    assert alice.get(f"/audit/{start.id}/replay.log?before").content == b"before\r\n"
    assert alice.get(f"/audit/{start.id}/replay.log").content == b""


def test_of_a_machine_that_was_first_started_in_the_session(log: Path) -> None:
    start, begun = replay.place_in(log), time.time()
    log.write_bytes(b"first words")
    end = replay.place_in(log)
    part = replay.between(log, start, end, begun)
    assert part and (part.data, part.before) == (b"first words", b"")
    assert replay.between(log, start, start, begun) == replay.Part(b"", [])
    log.unlink()
    assert replay.between(log, start, end, begun) is None


def test_of_a_machine_that_was_stopped_and_started_in_the_session(log: Path) -> None:
    log.write_bytes(b"first run: login: ")
    start = replay.place_in(log)
    with log.open("ab") as file:
        file.write(b"Power down\r\n")
    with log.open("ab") as file:  # the next run's virtlogd goes on in the same file
        file.write(b"second run: login: ")
    part = replay.between(log, start, replay.place_in(log), time.time())
    assert part and (part.data, part.before) == (b"Power down\r\nsecond run: login: ", b"first run: login: ")


def test_over_a_log_that_was_begun_anew(log: Path, world: World) -> None:
    log.write_bytes(b"before ")
    start = replay.place_in(log)
    with log.open("ab") as file:
        file.write(b"one ")
    log.rename(log.with_name(f"{log.name}.0"))
    log.write_bytes(b"two ")
    end = replay.place_in(log)
    with log.open("ab") as file:
        file.write(b"after")
    part = replay.between(log, start, end, time.time())
    assert part and (part.data, part.steps) == (b"one two ", None)
    log.with_name(f"{log.name}.0").unlink()
    assert replay.between(log, start, end, time.time()) is None


def test_at_the_pace_it_was_printed_where_that_is_known(log: Path, world: World) -> None:
    times = LogTimes(log.parent)
    start = session(world, log, printed=b"login: ")  # begun while "before" was not looked at yet
    times.look()
    alice = client_of(world.people.alice)
    steps = alice.get(f"/audit/{start.id}/replay.json").json()["steps"]
    assert [length for length, _ in steps] == [7] and 0 <= steps[0][1] < 2
    assert "even pace" not in alice.get(f"/audit/{start.id}/replay").content.decode()
    log.with_name(f"{log.name}.times").unlink()
    assert alice.get(f"/audit/{start.id}/replay.json").json() == {"before": 8, "steps": None}
    assert "even pace" in alice.get(f"/audit/{start.id}/replay").content.decode()


def test_an_older_file_with_the_same_inode_is_not_taken_for_the_sessions(log: Path) -> None:
    times = LogTimes(log.parent)
    log.write_bytes(b"somebody else's")
    times.look()
    start = {"log_file": log.stat().st_ino, "log_at": 3}
    assert replay.between(log, start, {}, time.time() + 3600) is None
    assert replay.between(log, start, {}, time.time()) is not None
    assert replay.between(log, {**start, "log_at": 4000}, {}, time.time()) is None


def test_no_link_is_followed(log: Path, world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"not for you")
    log.symlink_to(secret)
    assert replay.place_in(log) == {}
    assert replay.between(log, {"log_file": secret.stat().st_ino, "log_at": 0}, {}, 0) is None


def test_one_that_is_not_kept_says_so(world: World, log: Path) -> None:
    start = session(world, log, printed=b"x")
    log.unlink()
    alice = client_of(world.people.alice)
    assert "not kept any more" in alice.get(f"/audit/{start.id}/replay").content.decode()
    assert alice.get(f"/audit/{start.id}/replay.log").status_code == 404

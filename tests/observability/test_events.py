"""What happened is counted, what changed is told, in order and never twice."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from observability import changes, events, housekeeping, vitals
from observability.models import Change, Event, Vital
from tests.access.tokens import program_of, token_of
from tests.people import MINE, OTHER, make_people

pytestmark = pytest.mark.django_db


def happen(message: str = "No memory.", uid: str = "u-1", namespace: str = MINE, **more: Any) -> None:
    events.record("VirtualMachine", uid, "web-1", namespace, "StartFailed", message, **more)


def test_repeats_are_counted() -> None:
    for _ in range(5):
        happen()
    happen("Something else.")
    happen(level="Warning")
    assert sorted(events.of("u-1").values_list("message", "level", "count")) == [
        ("No memory.", "Normal", 5), ("No memory.", "Warning", 1), ("Something else.", "Normal", 1),
    ]  # fmt: skip


def test_the_same_again_tomorrow_is_another_line() -> None:
    happen()
    Event.objects.update(last_at=timezone.now() - timedelta(hours=2))
    happen()
    assert list(events.of("u-1").values_list("count", flat=True)) == [1, 1]


def test_each_is_told_to_watchers() -> None:
    happen()
    happen()
    told = [(change.kind, change.uid, change.what) for change in changes.since(0)]
    assert told == [("Event", "u-1", "ADDED"), ("Event", "u-1", "MODIFIED")]


def test_old_events_go() -> None:
    happen()
    Event.objects.update(last_at=timezone.now() - timedelta(days=31))
    housekeeping.run()
    assert not Event.objects.exists()


def test_api_by_right() -> None:
    people = make_people()
    happen()
    happen(uid="u-2", namespace=OTHER)
    bob, dave = (program_of(token_of(person)[1]) for person in (people.bob, people.dave))
    shown = [item["involvedObject"]["uid"] for item in bob.get("/api/v1/events").json()["items"]]
    assert shown == ["u-1"]
    assert [item["involvedObject"]["uid"] for item in dave.get("/api/v1/events").json()["items"]] == ["u-2"]
    assert bob.get("/api/v1/events?fieldSelector=involvedObject.uid=u-2").json()["items"] == []


def test_versions_only_grow_and_a_watcher_misses_nothing() -> None:
    ids = [changes.changed("VirtualMachine", f"u-{number}", "n", MINE, "MODIFIED") for number in range(5)]
    assert ids == sorted(set(ids))
    assert [change.id for change in changes.since(ids[1])] == ids[2:]
    assert changes.latest() == ids[-1]


def test_what_is_rolled_back_was_never_told() -> None:
    with transaction.atomic():
        changes.changed("VirtualMachine", "u", "n", MINE, "ADDED")
        transaction.set_rollback(True)
    assert changes.since(0) == []


def test_pruning_keeps_the_newest_whatever_their_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEEP_LEAST", 3)
    for number in range(10):
        changes.changed("VirtualMachine", f"u-{number}", "n", MINE, "MODIFIED")
    top = changes.latest()
    Change.objects.update(at=timezone.now() - timedelta(days=2))
    assert changes.prune() == 7
    assert changes.oldest() == top - 2
    assert changes.changed("VirtualMachine", "u", "n", MINE, "MODIFIED") == top + 1


def tell_many(count: int) -> None:
    connections.close_all()
    for number in range(count):
        changes.changed("VirtualMachine", f"u-{number}", "n", MINE, "MODIFIED")
    connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_a_tailing_reader_sees_every_row_of_four_writers() -> None:
    """A reader that goes by id must never be overtaken by a transaction that began earlier and ended later."""
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=tell_many, args=(50,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    while len(seen) < 200 and any(writer.is_alive() for writer in writers):
        seen += [change.id for change in changes.since(seen[-1] if seen else 0)]
    for writer in writers:
        writer.join(60)
    seen += [change.id for change in changes.since(seen[-1] if seen else 0)]
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert len(seen) == len(set(seen)) == 200


def test_vitals_of_the_house() -> None:
    assert not vitals.is_alive("worker")
    vitals.beat("worker")
    assert vitals.is_alive("worker")
    assert vitals.silent(["worker", "controller"]) == {}
    long_ago = timezone.now() - timedelta(minutes=5)
    Vital.objects.filter(name="worker").update(last_at=long_ago)
    assert vitals.silent(["worker", "controller"]) == {"worker": long_ago.isoformat()}
    with vitals.timed("reconcile"):
        pass
    text = vitals.text()
    assert 'vmconsole_work_seconds_count{name="reconcile"} 1' in text
    assert "vmconsole_outbox_id 0" in text
    assert "process_resident_memory_bytes" in text

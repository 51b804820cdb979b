"""The audit log keeps what it must, refuses to be changed, and says where it was tampered with."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from observability import audit, chain, checkpoints, rules, triggers
from observability.models import AuditEntry, AuditHead, Event, Phase
from vmconsole.access.actors import Actor

ALICE = Actor(7, "alice", "session", "", "5e55", "192.0.2.1", "Firefox", "req-1")
Tamper = Callable[[], object]


def note(action: str = "start", name: str = "web-1", **more: object) -> AuditEntry:
    asked: dict[str, object] = {
        "kind": "VirtualMachine", "uid": "u-1", "name": name, "namespace": "a", "phase": Phase.ACCEPTED,
    }  # fmt: skip
    return audit.record(ALICE, action, **(asked | more))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_checkpoints(settings: object, tmp_path: object) -> None:
    """A state directory of its own for every test: checkpoints are kept there."""
    settings.STATE = tmp_path  # type: ignore[attr-defined]


@pytest.mark.django_db
class TestRecord:
    def test_an_entry_says_who_what_where_and_how(self) -> None:
        entry = note(operation_uid="op-1", reason="Because.", diff={"cpu": [1, 2]}, extra={"seconds": 3})
        stored = AuditEntry.objects.get(id=entry.id)
        assert (stored.actor_user_id, stored.actor_name, stored.auth) == (7, "alice", "session")
        assert (stored.source, stored.user_agent, stored.session_id) == ("192.0.2.1", "Firefox", "5e55")
        assert (stored.request_id, stored.operation_uid) == ("req-1", "op-1")
        assert stored.changes == {"cpu": [1, 2]}
        assert stored.details == {"seconds": 3}

    def test_the_hash_can_be_computed_by_anybody(self) -> None:
        first, second = note(), note("stop")
        fields = second.fields()
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert second.hash == sha256(text.encode()).hexdigest()
        assert second.previous == first.hash
        assert second.id == first.id + 1

    def test_nothing_happens_without_its_entry(self) -> None:
        with pytest.raises(ValueError, match="not an action"), transaction.atomic():
            note("rm -rf /\n")
        assert not AuditEntry.objects.exists()

    def test_when_the_log_cannot_be_written_the_action_fails(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE observability_auditentry RENAME TO elsewhere")

        @transaction.atomic
        def make() -> None:
            Event.objects.create(kind="VirtualMachine", uid="u", name="n", reason="Made", message="It was made.")
            note()

        with pytest.raises(DatabaseError):
            make()
        assert not Event.objects.exists()

    def test_what_a_guest_or_person_wrote_cannot_forge_a_line(self) -> None:
        entry = note(name="web\n2026-01-01 root deleted everything\x1b[2K\u202e", reason="a\r\nb")
        assert "\n" not in entry.name
        assert "\x1b" not in entry.name
        assert "\u202e" not in entry.name
        assert entry.reason == "a\\u000d\\u000ab"

    @pytest.mark.parametrize("statement", ["UPDATE {} SET name = 'x'", "DELETE FROM {}", "DELETE FROM {} WHERE id = 1"])
    def test_the_database_itself_refuses(self, statement: str) -> None:
        note()
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.format(triggers.TABLE))
        assert AuditEntry.objects.get().name == "web-1"


def change(number: int, **values: object) -> Tamper:
    return lambda: AuditEntry.objects.filter(id=number).update(**values)


def remove(*numbers: int) -> Tamper:
    return lambda: AuditEntry.objects.filter(id__in=numbers).delete()


def swap() -> None:
    AuditEntry.objects.filter(id=4).update(id=99)
    AuditEntry.objects.filter(id=5).update(id=4)
    AuditEntry.objects.filter(id=99).update(id=5)


def forge(number: int) -> None:
    """Change an entry and hash everything after it anew, as somebody with the database but not the key would."""
    AuditEntry.objects.filter(id=number).update(actor_name="mallory")
    previous = ""
    for entry in AuditEntry.objects.filter(id__gte=number).order_by("id"):
        entry.previous = previous or entry.previous
        previous = entry.hash = rules.digest(entry.fields())
        AuditEntry.objects.filter(id=entry.id).update(previous=entry.previous, hash=entry.hash)
    AuditHead.objects.update(hash=previous)


def add_past_the_end() -> None:
    last = AuditEntry.objects.latest("id")
    last.id, last.previous = last.id + 1, last.hash
    last.hash = rules.digest(last.fields())
    last.save(force_insert=True)


TAMPERED: dict[str, tuple[Tamper, int]] = {
    "a name": (change(5, name="web-2"), 5),
    "a person": (change(1, actor_name="mallory"), 1),
    "a result": (change(10, phase="refused"), 10),
    "a diff": (change(3, diff='{"cpu":[1,3]}'), 3),
    "a time": (change(4, at="2026-01-01T00:00:00Z"), 4),
    "a hash": (change(6, hash="0" * 64), 6),
    "one removed": (remove(5), 5),
    "the first removed": (remove(1), 1),
    "two swapped": (swap, 4),
    "the end cut off": (remove(8, 9, 10), 8),
    "everything gone": (remove(*range(1, 11)), 1),
    "all hashed anew": (lambda: forge(3), 10),
    "one added": (add_past_the_end, 11),
    "the seal gone": (lambda: AuditHead.objects.all().delete(), 10),
    "a seal made up": (lambda: AuditHead.objects.update(seal="f" * 64), 10),
}


@pytest.mark.django_db
class TestVerify:
    @pytest.fixture(autouse=True)
    def ten(self) -> None:
        for number in range(10):
            note(name=f"web-{number}", diff={"cpu": [1, number]})

    def test_an_honest_log(self) -> None:
        verdict = chain.verify()
        assert (verdict.intact, verdict.checked, verdict.last_id) == (True, 10, 10)

    @pytest.mark.parametrize("case", TAMPERED)
    def test_the_first_bad_entry_is_named(self, case: str) -> None:
        tamper, number = TAMPERED[case]
        with triggers.lifted(connection):
            tamper()
        verdict = chain.verify()
        assert not verdict.intact
        assert verdict.fault_id == number, verdict.fault

    def test_a_cut_end_stays_visible_when_more_is_written(self) -> None:
        with triggers.lifted(connection):
            remove(9, 10)()
        note()
        assert chain.verify().fault_id == 9

    def test_the_database_rolled_back_to_an_older_backup(self) -> None:
        note()
        assert chain.checkpoint()
        with triggers.lifted(connection):
            remove(11)()
        older = AuditEntry.objects.get(id=10).hash
        AuditHead.objects.update(entry_id=10, hash=older, seal=chain.seal(10, older))
        verdict = chain.verify()
        assert "rolled back" in verdict.fault
        assert verdict.fault_id == 11

    def test_a_second_history_with_the_right_key_still_differs_from_its_checkpoint(self) -> None:
        assert chain.checkpoint()
        with triggers.lifted(connection):
            forge(3)
        head = AuditHead.objects.get()
        AuditHead.objects.update(seal=chain.seal(head.entry_id, head.hash))
        assert chain.verify().fault_id == 10

    def test_checkpoints_are_few_and_a_made_up_one_is_no_proof(self) -> None:
        assert chain.checkpoint()
        assert not chain.checkpoint()
        note()
        assert not chain.checkpoint(), "the last one is recent and near"
        with checkpoints.path().open("a") as file:
            file.write('{"id": 5, "hash": "x", "seal": "y"}\nnot json\n')
        verdict = chain.verify()
        assert verdict.intact
        assert "2 checkpoints" in verdict.notes[0]
        assert checkpoints.path().stat().st_mode & 0o007 == 0

    def test_one_checkpoint_a_day_also_when_nothing_happened(self) -> None:
        assert chain.checkpoint()
        mark = json.loads(checkpoints.path().read_text())
        for hours, made in ((23, False), (25, True)):
            mark["at"] = (timezone.now() - timedelta(hours=hours)).isoformat()
            checkpoints.path().write_text(json.dumps(mark) + "\n")
            assert chain.checkpoint() is made
        assert chain.verify().intact

    def test_part_by_part(self) -> None:
        first = chain.verify(0, 4)
        assert (first.done, first.last_id) == (False, 4)
        rest = chain.verify(first.last_id, 100)
        assert (rest.intact, rest.checked) == (True, 6)

    def test_the_command_names_it_and_fails(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("verify_audit")
        assert "10 entries are intact" in capsys.readouterr().out
        with triggers.lifted(connection):
            change(7, reason="x")()
        with pytest.raises(CommandError, match="Entry 7 was changed"):
            call_command("verify_audit")


def write_many(count: int) -> None:
    connections.close_all()  # a forked process must open its own
    for number in range(count):
        note(name=f"web-{number}")
    connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_four_processes_write_one_chain() -> None:
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write_many, args=(25,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    verdict = chain.verify()
    assert (verdict.intact, verdict.checked) == (True, 100), verdict.fault

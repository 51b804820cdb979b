"""The audit as people and programs read it: narrowed down, by right, taken along."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.utils import timezone

from observability import audit, chain, triggers
from observability.models import AuditEntry, Phase
from tests.people import MINE, OTHER, People, client_of, make_people
from vmconsole.access.actors import Actor

pytestmark = pytest.mark.django_db
CARD = "=HYPERLINK(1)"


@pytest.fixture
def people() -> People:
    return make_people()


@pytest.fixture
def entries() -> list[AuditEntry]:
    rows = [
        ("alice", "start", "web-1", MINE, Phase.ACCEPTED),
        ("alice", "stop", "web-1", MINE, Phase.FAILED),
        ("bob", "delete", "web-2", MINE, Phase.REFUSED),
        ("dave", "start", "db-1", OTHER, Phase.ACCEPTED),
        ("erin", "type_create", CARD, "", Phase.SUCCEEDED),
    ]
    return [
        audit.record(
            Actor(None, who, "session", request_id=f"r-{what}"), what, kind="VirtualMachine", uid=f"uid-{name}",
            name=name, namespace=where, phase=phase, operation_uid=f"op-{what}", diff={"cpu": [1, 2]},
        )
        for who, what, name, where, phase in rows
    ]  # fmt: skip


def names(answer: Any) -> list[str]:
    return [entry.name for entry in answer.context["entries"]]


def body(answer: Any) -> str:
    async def whole() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(whole)().decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [CARD, "db-1", "web-2", "web-1", "web-1"]),
        ("person=ALI", ["web-1", "web-1"]),
        ("object=web", ["web-2", "web-1", "web-1"]),
        ("object=uid-db-1", ["db-1"]),
        ("action=start", ["db-1", "web-1"]),
        ("phase=refused", ["web-2"]),
        (f"namespace={OTHER}", ["db-1"]),
        ("operation=op-stop", ["web-1"]),
        ("request=r-delete", ["web-2"]),
        ("kind=Image", []),
        ("person=alice&phase=failed", ["web-1"]),
        ("span=1h", [CARD, "db-1", "web-2", "web-1", "web-1"]),
        ("until=2020-01-01", []),
        ("since=2020-01-01T00:00", [CARD, "db-1", "web-2", "web-1", "web-1"]),
    ],
)
@pytest.mark.usefixtures("entries")
def test_filters(people: People, query: str, found: list[str]) -> None:
    answer = client_of(people.erin).get(f"/audit/?{query}")
    assert answer.status_code == 200
    assert names(answer) == found


@pytest.mark.parametrize("query", ["phase=nonsense", "since=yesterday", "span=5y"])
def test_a_filter_that_makes_no_sense_is_said_so(people: People, query: str) -> None:
    assert client_of(people.erin).get(f"/audit/?{query}").status_code == 422


@pytest.mark.usefixtures("entries")
def test_rights(people: People) -> None:
    assert set(names(client_of(people.alice).get("/audit/"))) == {"web-1", "web-2"}
    assert names(client_of(people.dave).get("/audit/")) == ["db-1"]
    assert names(client_of(people.dave).get(f"/audit/?namespace={MINE}")) == []
    for person in (people.bob, people.carol):
        assert client_of(person).get("/audit/").status_code == 403
        assert client_of(person).get("/audit/export.csv").status_code == 403
        assert client_of(person).get("/api/v1/audit").status_code == 403
        assert client_of(person).post("/audit/verify").status_code == 403


def test_an_entry_of_another_namespace_is_not_there(people: People, entries: list[AuditEntry]) -> None:
    mine, other = entries[0], entries[3]
    alice = client_of(people.alice)
    seen = alice.get(f"/audit/{mine.id}")
    assert seen.status_code == 200
    assert mine.hash in seen.content.decode()
    assert alice.get(f"/audit/{other.id}").status_code == 404


def test_pages_go_by_key_and_neither_skip_nor_repeat(people: People) -> None:
    for number in range(120):
        audit.record(
            Actor(None, "x"), "start", kind="VirtualMachine", uid=None, name=f"m-{number}", namespace=MINE,
            phase=Phase.ACCEPTED,
        )  # fmt: skip
    erin, seen, url = client_of(people.erin), [], "/audit/"
    for _page in range(3):
        answer = erin.get(url)
        seen += names(answer)
        url = f"/audit/?before={answer.context['before']}"
    assert seen == [f"m-{number}" for number in reversed(range(120))]
    assert answer.context["before"] is None


def test_a_page_costs_the_same_however_long_the_log(people: People, django_assert_max_num_queries: Any) -> None:
    erin = client_of(people.erin)
    erin.get("/audit/")
    with django_assert_max_num_queries(12):
        erin.get("/audit/?person=a")


class TestExport:
    @pytest.fixture(autouse=True)
    def some(self, entries: list[AuditEntry]) -> None:
        self.entries = entries

    def test_json_lines_can_be_verified_by_anybody(self, people: People) -> None:
        text = body(client_of(people.erin).get("/audit/export.jsonl"))
        lines = [json.loads(line) for line in text.splitlines()]
        previous = "0" * 64
        for line in lines[:5]:
            claimed = line.pop("hash")
            plain = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert sha256(plain.encode()).hexdigest() == claimed
            assert line["previous"] == previous
            previous = claimed

    def test_csv_that_runs_nothing(self, people: People) -> None:
        rows = list(csv.DictReader(io.StringIO(body(client_of(people.erin).get("/audit/export.csv?person=erin")))))
        assert rows[0]["name"] == f"'{CARD}"

    def test_only_what_was_asked_for_and_may_be_read(self, people: People) -> None:
        rows = list(csv.DictReader(io.StringIO(body(client_of(people.alice).get("/audit/export.csv?phase=failed")))))
        assert [row["name"] for row in rows] == ["web-1"]
        assert "db-1" not in body(client_of(people.alice).get("/audit/export.jsonl"))

    def test_taking_it_along_is_in_the_log(self, people: People) -> None:
        client_of(people.erin).get("/audit/export.csv?person=alice")
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.actor_name) == ("audit_export", "erin")
        assert entry.details == {"filter": {"person": "alice"}}


class TestVerifyButton:
    @pytest.fixture(autouse=True)
    def small_parts(self, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> None:
        monkeypatch.setattr("observability.views.VERIFY_AT_ONCE", 2)
        settings.STATE = tmp_path

    def verify(self, client: Client) -> Any:
        answer = client.post("/audit/verify")
        while not answer.context["verdict"].done:
            after = {"after": answer.context["verdict"].last_id, "checked": answer.context["checked"]}
            answer = client.post("/audit/verify", after)
        return answer

    @pytest.mark.usefixtures("entries")
    def test_an_honest_log(self, people: People) -> None:
        answer = self.verify(client_of(people.erin))
        assert answer.context["checked"] == 6, "five, and that somebody verified"
        assert "intact" in answer.content.decode()

    @pytest.mark.usefixtures("entries")
    def test_a_changed_entry_is_named(self, people: People) -> None:
        with triggers.lifted(connection):
            AuditEntry.objects.filter(id=4).update(reason="x")
        assert "Entry 4 was changed" in self.verify(client_of(people.erin)).content.decode()
        assert not chain.verify().intact


class TestApi:
    def test_list_and_filters(self, people: People, entries: list[AuditEntry]) -> None:
        answer = client_of(people.erin).get("/api/v1/audit?phase=refused").json()
        assert [row["name"] for row in answer["results"]] == ["web-2"]
        assert answer["results"][0]["diff"] == {"cpu": [1, 2]}
        assert answer["results"][0]["hash"] == entries[2].hash

    @pytest.mark.usefixtures("entries")
    def test_by_right(self, people: People) -> None:
        rows = client_of(people.dave).get("/api/v1/audit").json()["results"]
        assert [row["name"] for row in rows] == ["db-1"]

    def test_read_only(self, people: People, entries: list[AuditEntry]) -> None:
        for verb in ("post", "put", "patch", "delete"):
            assert getattr(client_of(people.erin), verb)("/api/v1/audit").status_code == 405

    def test_time(self, people: People, entries: list[AuditEntry]) -> None:
        later = (timezone.now() + timedelta(hours=1)).isoformat().replace("+", "%2B")
        assert client_of(people.erin).get(f"/api/v1/audit?since={later}").json()["results"] == []

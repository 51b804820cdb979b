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
    erin.get("/audit/?person=a")  # the look itself is written down, the first time
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


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("who:alice", ["web-1", "web-1"]),
        ("who:alice -result:failed", ["web-1"]),
        ("action:start object:db", ["db-1"]),
        ("-who:alice -who:erin since:1h", ["db-1", "web-2"]),
        ("action:type", [CARD]),
        ("result:refused", ["web-2"]),
        ("via:session ns:a who:bob", ["web-2"]),
        ("until:1h", []),
        ("since:2020-01-01 web-2", ["web-2"]),
    ],
)
@pytest.mark.usefixtures("entries")
def test_the_search_words(people: People, query: str, found: list[str]) -> None:
    erin = client_of(people.erin)
    assert names(erin.get("/audit/", {"q": query})) == found
    rows = erin.get("/api/v1/audit", {"q": query}).json()["results"]
    assert [row["name"] for row in rows if row["action"] != "audit_read"] == found


@pytest.mark.parametrize(
    ("query", "network"),
    [
        ("from:10.0.0.0/8", "10."),
        ("from:10.1.2.3", "10.1.2.3"),
        ("from:10.1.0.0/15", "10.1."),
        ("-from:10.0.0.0/8", ""),
    ],
)
def test_addresses_and_networks(people: People, query: str, network: str) -> None:
    for source in ("10.1.2.3", "10.1.9.9", "10.9.0.1", "101.1.2.3", "::1", ""):
        audit.record(
            Actor(1, "ed", source=source),
            "start",
            kind="X",
            uid=None,
            name=source or "-",
            namespace="",
            phase="accepted",
        )
    found = set(names(client_of(people.erin).get("/audit/", {"q": f"who:ed {query}"})))
    everything = {"10.1.2.3", "10.1.9.9", "10.9.0.1", "101.1.2.3", "::1", "-"}
    theirs = {name for name in everything if name.startswith(network)} if network else everything
    assert found == (theirs if network else {"101.1.2.3", "::1", "-"})


@pytest.mark.parametrize(
    "query", ["colour:red", "from:10.0.0.0/99", "from:2001:db8::/32", "since:soon", "result:maybe"]
)
@pytest.mark.usefixtures("entries")
def test_a_word_that_makes_no_sense_finds_nothing_and_is_said_so(people: People, query: str) -> None:
    erin = client_of(people.erin)
    answer = erin.get("/audit/", {"q": query})
    assert (answer.status_code, names(answer), len(answer.context["complaints"])) == (200, [], 1)
    assert erin.get("/api/v1/audit", {"q": query}).status_code == 422
    assert erin.get("/audit/export.csv", {"q": query}).status_code == 422


@pytest.mark.usefixtures("entries")
def test_reading_is_in_the_log_once_a_look(people: People) -> None:
    erin = client_of(people.erin)
    for _again in range(3):
        erin.get("/audit/", {"q": "who:alice"})
    erin.get("/audit/", {"q": "who:alice", "before": "2"})
    erin.get("/audit/consoles")
    told = AuditEntry.objects.filter(action="audit_read").order_by("id")
    assert [entry.details["filter"] for entry in told] == [{"q": "who:alice"}, {"action": "console"}]
    assert {entry.actor_name for entry in told} == {"erin"}


def test_actions_are_words_and_the_bare_name_stays_in_the_detail(people: People, entries: list[AuditEntry]) -> None:
    erin = client_of(people.erin)
    audit.record(
        Actor(5, "ci", "token", token_id="vmc_abc nightly"), "password_change", kind="User", uid=1, name="ed",
        namespace="", phase="succeeded", diff={"spec.disks": [[{"name": "a", "size": 1}], [{"name": "a", "size": 2}]]},
    )  # fmt: skip
    page = erin.get("/audit/").content.decode()
    assert "Changed the password" in page and "token vmc_abc nightly" in page
    entry = erin.get(f"/audit/{entries[-1].id + 1}").content.decode()
    assert "password_change" in entry and "spec.disks[a].size" in entry
    japanese = erin.get("/audit/", headers={"Accept-Language": "ja"})
    assert japanese.status_code == 200


def test_cef_is_one_line_an_entry_whatever_is_in_it(people: People) -> None:
    audit.record(
        Actor(7, "ed|x=y\\z", source="10.0.0.1"), "delete", kind="VirtualMachine", uid="u", name="a=b|c\\d\ne",
        namespace="", phase="refused", reason="no = never",
    )  # fmt: skip
    (line,) = body(client_of(people.erin).get("/audit/export.cef", {"q": "who:ed"})).splitlines()
    head, _bar, told = line.partition("|6|")
    assert head.startswith("<108>1 ") and head.endswith("CEF:0|vmconsole|vmconsole|0.1.0|delete|delete refused")
    assert r"suser=ed|x\=y\\z " in told and r"reason=no \= never " in told and "src=10.0.0.1" in told
    assert "cs3=a\\=b|c\\\\d\\\\u000ae " in told

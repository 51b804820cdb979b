"""Every list speaks one language: what words find, what it says of words that are none, how it pages and exports."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from inventory.models import VirtualMachine
from inventory.search import MACHINES, NODE_WORDS
from networking.queries import NETWORKS
from observability.queries import AUDIT
from storage.models import Image, VirtualMachineDisk
from storage.queries import DISKS, IMAGES
from tests.people import MINE, OTHER, People, client_of, make_people
from vmconsole.operations.models import Operation
from vmconsole.operations.queries import OPERATIONS
from vmconsole.query import Grammar, Term, terms
from vmconsole.runtime.types import Phase

GIB = 1024**3
LISTS = {
    "vms": "/vms/",
    "disks": "/disks/",
    "images": "/images/",
    "networks": "/networks/",
    "operations": "/operations/",
    "nodes": "/nodes/",
}
GRAMMARS = {
    "vms": MACHINES, "disks": DISKS.grammar, "images": IMAGES.grammar, "networks": NETWORKS.grammar,
    "operations": OPERATIONS.grammar, "audit": AUDIT, "nodes": NODE_WORDS,
}  # fmt: skip
API = {
    "operations": "/api/v1/operations",
    "images": "/api/v1/images",
    "vms": "/api/v1/search",
    "audit": "/api/v1/audit",
}
HOSTILE = (
    '"', "-", ":", "a:", "label:", "label:=", "label:a__b=c", "-label:$[0]", "size>", "size>x", "created:soon",
    "created>9999-12-31", "created:0001-01-01", "age<99999w", "vcpu>99999999999999999999", "cards>x", "name:%_",
    "\x00", "state:\x00", "ip:\x00", "x" * 5000, "a " * 500, "range:\u3042", "created:2026-01-01T99:00",
)  # fmt: skip


@pytest.fixture
def people(db: None) -> People:
    return make_people()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web", [Term("", ":", "web")]),
        ("state:running -is:protected", [Term("state", ":", "running"), Term("is", ":", "protected", no=True)]),
        ("vcpu>4 size<=10Gi", [Term("vcpu", ">", "4"), Term("size", "<=", "10Gi")]),
        ('name:"two words" "and two"', [Term("name", ":", "two words"), Term("", ":", "and two")]),
        ("52:54:00", [Term("", ":", "52:54:00")]),
        ("STATE:Running", [Term("state", ":", "Running")]),
        ('"never ends', [Term("", ":", "never ends")]),
    ],
)
def test_the_words_of_a_search(text: str, found: list[Term]) -> None:
    assert terms(text) == found


@pytest.mark.parametrize("text", ["state:running", "-vcpu>=4", 'name:"two words"', "web"])
def test_a_word_is_written_as_it_was_read(text: str) -> None:
    assert [str(term) for term in terms(text)] == [text]


@pytest.mark.django_db
@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS)
def test_every_lesson_is_understood(grammar: Grammar) -> None:
    for _title, words in grammar.lessons:
        for word in words:
            whole = word if not word.endswith(":") else f"{word}x"
            (term,) = terms(whole)
            complaints: list[str] = []
            grammar.condition(term, complaints)
            assert complaints == [], whole


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_a_search(name: str, text: str, people: People) -> None:
    assert client_of(people.erin).get(LISTS[name], {"q": text}).status_code == 200


@pytest.mark.parametrize("name", [*LISTS, "audit"])
def test_a_word_that_is_none_names_those_there_are(name: str, people: People) -> None:
    client = client_of(people.erin)
    page = client.get(LISTS.get(name, "/audit/"), {"q": "colour:blue"}).content.decode()
    assert ("There is no search word “colour:” here." in page and "namespace" in page) or "cards" in page


@pytest.mark.parametrize(("name", "url"), API.items(), ids=API)
def test_programs_are_refused_instead(name: str, url: str, people: People) -> None:
    client = client_of(people.erin)
    for text in ("colour:blue", "state:sideways"):
        answer = client.get(url, {"q": text})
        assert answer.status_code == 422, text
        assert (
            answer.json()["field"] == "q"
            and text.partition(":")[2 if "state" in text else 0] in answer.json()["detail"]
        )


def test_a_wrong_value_names_the_right_ones(people: People) -> None:
    client = client_of(people.erin)
    assert "ready, failed, busy" in client.get("/disks/", {"q": "state:sideways"}).content.decode()
    assert "512Mi, 10Gi" in client.get("/disks/", {"q": "size>big"}).content.decode()
    assert "is not more or less" in client.get("/disks/", {"q": "state>ready"}).content.decode()


def operation(name: str, **more: Any) -> Operation:
    told: dict[str, Any] = {"verb": "start", "subject_kind": "VirtualMachine", "actor_name": "carol", "namespace": MINE}
    return Operation.objects.create(
        subject_uid=uuid4(), subject_name=name, deadline_at=timezone.now(), **{**told, **more}
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state:failed", {"old"}),
        ("-state:failed", {"new", "disk"}),
        ("kind:disk", {"disk"}),
        ("verb:create who:alice", {"disk"}),
        ("age<24h", {"new", "disk"}),
        ("age>24h", {"old"}),
        ("carol -old", {"new"}),
    ],
)
def test_operations(query: str, found: set[str], people: People) -> None:
    operation("new")
    operation("old", state="failed", created_at=timezone.now() - timedelta(days=3))
    operation("disk", verb="create", subject_kind="VirtualMachineDisk", actor_name="alice", state="done")
    page = client_of(people.carol).get("/operations/", {"q": query})
    assert {each.subject_name for each in page.context["page"]} == found
    told = client_of(people.carol).get("/api/v1/operations", {"q": query}).json()["results"]
    assert {each["subject_name"] for each in told} == found


def test_times_are_days_of_the_reader(people: People) -> None:
    at = timezone.now().replace(year=2026, month=11, day=5, hour=12)
    VirtualMachine.objects.create(namespace=MINE, name="web", created_at=at)

    def finds(query: str) -> bool:
        return bool(MACHINES.search(VirtualMachine.objects.all(), query)[0])

    assert finds("created:2026-11-05") and not finds("created:2026-11-04")
    assert finds("created>2026-11-04") and not finds("created>2026-11-05") and finds("created>=2026-11-05")
    assert finds("created<2026-11-06") and not finds("created<2026-11-05") and finds("created<=2026-11-05")
    assert finds("created>2026-11-05T08:00Z") and not finds("created<2026-11-05T08:00Z")


def fill(people: People, number: int) -> None:
    VirtualMachine.objects.bulk_create(VirtualMachine(namespace=MINE, name=f"vm-{n:03}") for n in range(number))
    VirtualMachineDisk.objects.bulk_create(
        VirtualMachineDisk(namespace=MINE, name=f"disk-{n:03}", status_size_bytes=n * GIB) for n in range(number)
    )
    Image.objects.bulk_create(Image(namespace=MINE, name=f"image-{n:03}") for n in range(number))
    for n in range(number):
        operation(f"op-{n:03}", created_at=timezone.now() - timedelta(minutes=n))


def test_pages_of_fifty_in_a_total_order(people: People, django_assert_max_num_queries: Any) -> None:
    fill(people, 130)
    client = client_of(people.carol)
    for name, sort in (("vms", "-name"), ("disks", "-size"), ("images", "name"), ("operations", "created")):
        seen: list[Any] = []
        for number in (1, 2, 3):
            with django_assert_max_num_queries(25):
                page = client.get(LISTS[name], {"sort": sort, "page": str(number)}).context["page"]
            seen += [getattr(row, "vm", row).uid for row in page]
        assert len(seen) == len(set(seen)) == 130 == page.paginator.count
    assert [disk.name for disk in client.get("/disks/", {"sort": "-size"}).context["page"]][:2] == [
        "disk-129",
        "disk-128",
    ]
    assert "51–100 of 130" in client.get("/disks/", {"page": "2"}).content.decode()


def test_a_page_costs_the_same_however_long_the_list(people: People, django_assert_max_num_queries: Any) -> None:
    client = client_of(people.carol)
    fill(people, 60)
    for url in LISTS.values():
        client.get(url)
        with django_assert_max_num_queries(25):
            client.get(url, {"q": "0"})


def body(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def test_what_the_search_shows_as_csv(people: People) -> None:
    VirtualMachineDisk.objects.create(
        namespace=MINE, name="big", status_size_bytes=20 * GIB, status_phase=Phase.SUCCEEDED
    )
    VirtualMachineDisk.objects.create(namespace=MINE, name="small", status_size_bytes=GIB)
    VirtualMachineDisk.objects.create(namespace=OTHER, name="theirs", status_size_bytes=20 * GIB)
    client = client_of(people.carol)
    lines = body(client.get("/disks/export.csv", {"q": "size>10Gi"})).splitlines()
    assert lines[0].startswith("namespace,name,state") and len(lines) == 2 and "big" in lines[1]
    assert client.get("/disks/export.csv", {"q": "nothing-like-it"}).status_code == 404
    operation("web-1")
    assert "web-1" in body(client.get("/operations/export.csv"))
    assert "image-1" not in body(client.get("/images/export.csv"))


def test_the_chosen_namespace_scopes_every_list(people: People) -> None:
    for place in (MINE, OTHER):
        VirtualMachineDisk.objects.create(namespace=place, name=f"the-disk-{place}")
        operation(f"the-op-{place}", namespace=place)
    erin: Client = client_of(people.erin)
    for url, noun in (("/disks/", "the-disk"), ("/operations/", "the-op")):
        page = erin.get(url, {"namespace": OTHER}).content.decode()
        assert f"{noun}-{OTHER}" in page and f"{noun}-{MINE}" not in page

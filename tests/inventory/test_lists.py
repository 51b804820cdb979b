"""The machine list: columns, folders, labels, saved views, and many machines at once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from inventory.columns import DEFAULT
from inventory.folders import tree
from inventory.labelling import parse
from inventory.models import FOLDER, SavedView, VirtualMachine
from inventory.search import MACHINES
from observability.models import AuditEntry
from tests.people import MINE, OTHER, People, client_of
from vmconsole.access.errors import Unprocessable
from vmconsole.gateway import targets
from vmconsole.operations.models import Operation
from vmconsole.pages import labels_html
from vmconsole.runtime import connect
from vmconsole.runtime.models import Runtime

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted_yet() -> None:
    cache.clear()


def vm(name: str, namespace: str = MINE, folder: str = "", **more: Any) -> VirtualMachine:
    labels = {**more.pop("labels", {}), **({FOLDER: folder} if folder else {})}
    told = {"observed_generation": 1, "spec_vcpus": 1, "spec_memory": "64Mi", "spec_memory_bytes": 64 << 20, **more}
    return VirtualMachine.objects.create(namespace=namespace, name=name, labels=labels, **told)


def names(answer: Any) -> list[str]:
    return [row.vm.name for row in answer.context["page"]]


# --- folders ----------------------------------------------------------------------------------------------------------
def test_a_folder_is_what_its_label_says(people: People) -> None:
    web = vm("web", folder="prod/web")
    assert VirtualMachine.objects.get(name="web").folder == "prod/web"
    VirtualMachine.objects.filter(uid=web.uid).update(labels={})
    assert VirtualMachine.objects.get(name="web").folder == ""


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("folder:prod", {"web", "blue"}),
        ("folder:prod/web", {"web", "blue"}),
        ("folder:prod/web/blue", {"blue"}),
        ("folder:pro", set()),
        ("-folder:prod", {"other", "loose"}),
        ("has:folder", {"web", "blue", "other"}),
        ("-has:folder", {"loose"}),
    ],
)
def test_a_search_in_a_folder(query: str, found: set[str], people: People) -> None:
    for name, folder in (("web", "prod/web"), ("blue", "prod/web/blue"), ("other", "production"), ("loose", "")):
        vm(name, folder=folder)
    rows, complaints = MACHINES.search(VirtualMachine.objects.all(), query)
    assert {row.name for row in rows} == found and complaints == []


def test_the_tree_counts_what_is_below_and_keeps_the_rest_of_the_search() -> None:
    root = tree([("prod/db", 2), ("prod/web", 3), ("test", 1)], 'folder:prod/web state:running "a b"')
    prod, test = root.children
    assert (prod.name, prod.count, prod.open, prod.current) == ("prod", 5, True, False)
    assert [(each.name, each.count, each.current) for each in prod.children] == [("db", 2, False), ("web", 3, True)]
    assert test.query == 'state:running "a b" folder:test' and root.query == 'state:running "a b"'


def test_folders_show_what_one_may_see(people: People) -> None:
    vm("web", folder="prod/web")
    vm("theirs", OTHER, folder="secret-project")
    page = client_of(people.carol).get("/vms/").content.decode()
    assert "prod" in page and "secret-project" not in page


def test_the_tree_shows_at_once_where_machines_went(people: People) -> None:
    row, carol = vm("web"), client_of(people.carol)
    assert not carol.get("/vms/").context["folders"].below
    bulk(carol, "/run", verb="label", uid=str(row.uid), folder="prod")
    assert list(carol.get("/vms/").context["folders"].below) == ["prod"]


# --- labels -----------------------------------------------------------------------------------------------------------
def test_labels_are_tags_of_a_lasting_colour_and_links() -> None:
    html = labels_html({"app": "web", "a.b/tier": "x", FOLDER: "prod"}, "/vms/")
    assert html == labels_html({"a.b/tier": "x", "app": "web", FOLDER: "prod"}, "/vms/")
    assert 'href="/vms/?q=label%3Aapp%3Dweb"' in html and "prod" not in html and "style=" not in html
    assert "+2" in labels_html({str(number): "x" for number in range(5)}, "/vms/", 3)
    assert "<img" not in labels_html({'"><img src=x>': '"><img src=x>'}, "/vms/")


@pytest.mark.parametrize(
    ("text", "folder", "labels"),
    [
        ("app=web -old", "", {"app": "web", "kept": "1"}),
        ("", "prod/web", {"old": "1", "kept": "1", FOLDER: "prod/web"}),
        ("a.b/c=d app=", "/", {"old": "1", "kept": "1", "a.b/c": "d", "app": ""}),
    ],
)
def test_what_a_change_makes_of_labels(text: str, folder: str, labels: dict[str, str]) -> None:
    assert parse(text, folder).applied({"old": "1", "kept": "1"}) == labels


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("app", ""), ("a b", ""), ("=x", ""), ("app=a/b", ""), ("app=" + "x" * 64, ""), ("-", ""), ("a//b=c", ""),
        ("", "a//b"), ("", "a b"), ("", "../etc"), ("", "x" * 300), ("", "<b>"),
    ],
)  # fmt: skip
def test_what_is_no_label(text: str, folder: str) -> None:
    with pytest.raises(Unprocessable):
        parse(text, folder)


# --- many at once -----------------------------------------------------------------------------------------------------
def bulk(client: Client, step: str = "", **told: Any) -> Any:
    return client.post(f"/vms/bulk{step}", told)


def test_labels_of_many(people: People) -> None:
    rows = [vm("a", labels={"old": "1"}), vm("b", labels={"app": "web"}), vm("theirs", OTHER)]
    carol, uids = client_of(people.carol), [str(row.uid) for row in rows]
    page = bulk(carol, verb="label", uid=uids, labels="app=web -old").content.decode()
    assert "1 will be asked, 1 will not." in page and "theirs" not in page
    assert "cannot be a label" in bulk(carol, verb="label", uid=uids, labels="app=a/b").content.decode()
    assert bulk(carol, "/run", verb="label", uid=uids, labels="nonsense").status_code == 422
    assert "Done" in bulk(carol, "/run", verb="label", uid=uids, labels="app=web -old", folder="prod").content.decode()
    assert [row.labels for row in VirtualMachine.objects.order_by("name")] == [
        {"app": "web", FOLDER: "prod"}, {"app": "web", FOLDER: "prod"}, {},
    ]  # fmt: skip
    assert AuditEntry.objects.filter(action="edit", phase="succeeded", name="a").exists()


def test_everything_that_the_search_finds(people: People) -> None:
    for number in range(120):
        vm(f"vm-{number:03}", status_power="off", status_state="Stopped")
    vm("theirs", OTHER, status_power="off")
    carol = client_of(people.carol)
    page = bulk(carol, verb="start", all="1", q="vm-").content.decode()
    assert "120 will be asked" in page and page.count('name="uid"') == 120
    answer = bulk(carol, "/run", verb="start", all="1", q="vm-")
    # The first part is done, the others wait for their turn and are asked for one after the other.
    assert Operation.objects.open().count() == 25 and answer["HX-Trigger-After-Settle"] == "bulk-part-2"
    assert 'hx-trigger="bulk-part-3 from:body"' in answer.content.decode()
    waiting = list(VirtualMachine.objects.filter(name__gte="vm-025", name__startswith="vm-").order_by("name")[:25])
    answer = bulk(carol, "/run", verb="start", part="2", uid=[str(row.uid) for row in waiting])
    assert Operation.objects.open().count() == 50 and answer["HX-Trigger-After-Settle"] == "bulk-part-3"
    assert answer.content.decode().count("<tbody") == 1
    assert bulk(carol, verb="start", all="1", q="colour:blue").status_code == 422


def test_no_more_than_can_be_read(people: People) -> None:
    VirtualMachine.objects.bulk_create(VirtualMachine(namespace=MINE, name=f"vm-{number}") for number in range(2001))
    answer = bulk(client_of(people.carol), verb="start", all="1", q="")
    assert answer.status_code == 422 and "more than 2000 machines" in answer.content.decode()


def test_results_are_filled_in_and_failures_are_asked_again(people: People) -> None:
    row = vm("web", status_power="off")
    carol = client_of(people.carol)
    bulk(carol, "/run", verb="start", uid=str(row.uid))
    operation = Operation.objects.get()
    there = f"/vms/bulk/results?op={operation.uid}&op=nonsense"
    assert "In progress" in carol.get(there).content.decode()
    Operation.objects.update(state="failed", message="No room for it.")
    page = carol.get(there).content.decode()
    assert "bulk-failed" in page and "No room for it." in page and f'value="{row.uid}"' in page
    assert "hx-get" not in page  # it has ended: nothing more to ask
    assert "web" not in client_of(people.dave).get(there).content.decode()
    bulk(carol, "/run", verb="start", uid=str(row.uid))
    assert Operation.objects.open().count() == 1


def test_deleting_many_needs_their_number(people: People) -> None:
    rows = [vm("a"), vm("b")]
    alice, uids = client_of(people.alice), [str(row.uid) for row in rows]
    for typed, total in (("1", ""), ("", ""), ("1", "1"), ("3", "2"), ("x", "x"), ("9" * 5000, "9" * 5000)):
        assert bulk(alice, "/run", verb="delete", uid=uids, typed=typed, total=total).status_code == 422
    assert bulk(alice, "/run", verb="delete", uid=uids, typed="2", total="2").status_code == 200
    assert Operation.objects.open().filter(verb="trash").count() == 2


# --- columns ----------------------------------------------------------------------------------------------------------
def heads(answer: Any) -> list[str]:
    return [column.key for column in answer.context["columns"]]


def test_columns_are_kept_with_the_person(people: People) -> None:
    row = vm("web", labels={"app": "web"})
    carol = client_of(people.carol)
    assert heads(carol.get("/vms/")) == list(DEFAULT)
    carol.post("/vms/columns", {"order": ["node", "state"], "columns": ["state", "node"], "save": "1"})
    assert heads(carol.get("/vms/")) == ["node", "state"]
    assert heads(client_of(people.carol).get("/vms/")) == ["node", "state"]  # another browser
    assert heads(client_of(people.bob).get("/vms/")) == list(DEFAULT)
    assert "label-tag" not in carol.get(f"/vms/rows/{row.uid}").content.decode()
    around = {"HX-Current-URL": "http://testserver/vms/?columns=labels"}
    assert "label-tag" in carol.get(f"/vms/rows/{row.uid}", headers=around).content.decode()
    assert carol.get(f"/vms/rows/{row.uid}", headers={"HX-Current-URL": "http://[/"}).status_code == 200
    carol.post("/vms/columns", {"reset": "1"})
    assert heads(carol.get("/vms/")) == list(DEFAULT)


def test_a_column_moves_before_it_is_kept(people: People) -> None:
    carol = client_of(people.carol)
    page = carol.post("/vms/columns", {"order": ["state", "node"], "columns": ["node"], "up": "node"})
    order = [column.key for column, _shown in page.context["rows"]]
    assert order[:2] == ["node", "state"] and page.context["rows"][0][1] and not page.context["rows"][1][1]
    assert heads(carol.get("/vms/")) == list(DEFAULT)


# --- saved views ------------------------------------------------------------------------------------------------------
AROUND = {"HX-Current-URL": "http://testserver/vms/?q=state:running&sort=-created&columns=node,state"}


def save(client: Client, name: str, place: str = "", **more: str) -> Any:
    return client.post("/vms/views/new", {"name": name, "place": place, **more}, headers=AROUND)


def test_a_view_of_ones_own(people: People) -> None:
    vm("web", status_state="Running")
    vm("off", status_state="Stopped")
    carol = client_of(people.carol)
    there = save(carol, "Mine")["Location"]
    answer = carol.get(there)
    assert names(answer) == ["web"] and heads(answer) == ["node", "state"] and answer.context["sort"] == "-created"
    assert save(carol, "Mine").status_code == 409 and save(carol, "  ").status_code == 422
    assert save(client_of(people.bob), "Mine").status_code == 302  # everybody has their own
    view = SavedView.objects.get(owner=people.carol)
    for client in (client_of(people.bob), client_of(people.erin)):
        assert client.get(f"/vms/views/{view.uid}/").status_code == 404
        assert client.post(f"/vms/views/{view.uid}/delete").status_code == 404
        assert client.get(f"/vms/?view={view.uid}").context["view"] is None
    carol.post(f"/vms/views/{view.uid}/", {"name": "Ours"})
    carol.post(f"/vms/views/{view.uid}/", {"now": "1"}, headers={"HX-Current-URL": "http://testserver/vms/?q=web"})
    view.refresh_from_db()
    assert (view.name, view.query, view.order) == ("Ours", "web", "")
    carol.post(f"/vms/views/{view.uid}/delete")
    told = AuditEntry.objects.filter(kind="SavedView", uid=str(view.uid)).order_by("id")
    assert [entry.action for entry in told] == ["create", "edit", "edit", "delete"]


def test_who_shares_where(people: People) -> None:
    assert save(client_of(people.carol), "Team", MINE).status_code == 302
    assert save(client_of(people.bob), "Team 2", MINE).status_code == 403  # may look, but not edit there
    assert save(client_of(people.dave), "Team 3", MINE).status_code == 404
    assert save(client_of(people.carol), "All", "*").status_code == 403
    assert save(client_of(people.erin), "All", "*").status_code == 302
    bob, dave = client_of(people.bob), client_of(people.dave)
    assert [each.name for each, _there in bob.get("/vms/").context["views"]] == ["All", "Team"]
    assert [each.name for each, _there in dave.get("/vms/").context["views"]] == ["All"]
    team = SavedView.objects.get(name="Team")
    assert bob.post(f"/vms/views/{team.uid}/", {"name": "x"}).status_code == 403
    assert client_of(people.alice).post(f"/vms/views/{team.uid}/", {"name": "Crew"}).status_code == 302
    assert bob.get(f"/vms/views/{SavedView.objects.get(name='All').uid}/").status_code == 403


def test_one_view_to_begin_with(people: People) -> None:
    carol = client_of(people.carol)
    save(carol, "First", first="1")
    view = SavedView.objects.get(name="First")
    answer = carol.get("/vms/")
    assert answer.status_code == 302 and f"view={view.uid}" in answer["Location"]
    assert carol.get("/vms/?q=").status_code == 200
    assert client_of(people.bob).get("/vms/").status_code == 200
    carol.post(f"/vms/views/{view.uid}/default")
    assert carol.get("/vms/").status_code == 200
    carol.post(f"/vms/views/{view.uid}/default")
    carol.post(f"/vms/views/{view.uid}/delete")
    assert carol.get("/vms/").status_code == 200  # what is gone is no beginning


def test_a_row_being_made_shows_how_far_it_is_and_can_be_given_up(people: People) -> None:
    row = vm("new", status_state="Provisioning")
    operation = Operation.objects.create(
        verb="create", subject_kind="VirtualMachine", subject_uid=row.uid, subject_name="new", namespace=MINE,
        actor_name="carol", can_cancel=True, percent=42, message="Copying the disk", deadline_at=row.created_at,
    )  # fmt: skip
    carol = client_of(people.carol)
    page = carol.get("/vms/").content.decode()
    cancel = f"/operations/{operation.uid}/cancel"
    assert 'value="42"' in page and "Copying the disk" in page and cancel in page
    assert cancel not in client_of(people.bob).get("/vms/").content.decode()
    carol.post(cancel)
    assert "disabled" in carol.get(f"/vms/rows/{row.uid}").content.decode()


# --- small figures ----------------------------------------------------------------------------------------------------
def test_a_machine_that_runs_has_a_place_for_its_line_and_others_a_dash(people: People) -> None:
    running, off = vm("running", status_power="on", status_state="Running"), vm("off", status_power="off")
    page = client_of(people.bob).get("/vms/?columns=cpu,memory-used").content.decode()
    for kind in ("cpu", "memory"):
        assert f'<span class="spark" data-spark="{kind}" data-uid="{running.uid}">–</span>' in page
        assert f'data-spark="{kind}" data-uid="{off.uid}"' not in page
    assert page.count('<td class="dim cell-spark">–</td>') == 2
    assert f'data-uid="{running.uid}"' in client_of(people.bob).get(f"/vms/rows/{running.uid}").content.decode()
    assert f'data-uid="{running.uid}"' not in client_of(people.dave).get("/vms/").content.decode()
    side = client_of(people.bob).get(f"{running.get_absolute_url()}side").content.decode()
    assert side.count(f'data-uid="{running.uid}"') == 2


def test_namespaces_of_many_machines_are_one_query(people: People, django_assert_num_queries: Any) -> None:
    made = [vm(f"m{number}") for number in range(5)]
    trashed = vm("gone", trashed_at=timezone.now())
    with django_assert_num_queries(1):
        found = targets.namespaces_of([*(str(each.uid) for each in (*made, trashed)), "nonsense", str(uuid4())])
    assert found == {str(each.uid): MINE for each in made}


def test_sorting_and_searching_bring_the_list_alone_and_the_address_of_its_csv(people: People) -> None:
    vm("web")
    client = client_of(people.bob)
    whole, part = client.get("/vms/?sort=-name"), client.get("/vms/?sort=-name", headers={"HX-Target": "vms"})
    assert "<main" in whole.content.decode()
    text = part.content.decode()
    assert "<main" not in text
    assert '<a class="btn" id="csv" hx-swap-oob="true" href="/vms/export.csv?sort=-name"' in text


def test_whether_its_runtime_answers_is_asked_without_the_list(people: People) -> None:
    vm("web")
    runtime = connect.only()
    Runtime.objects.filter(uid=runtime.uid).update(status_reachable=False, status_as_of=timezone.now())
    text = client_of(people.bob).get("/vms/", headers={"HX-Target": "silent"}).content.decode()
    assert "local does not answer" in text
    assert "<tr" not in text

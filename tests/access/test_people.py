"""Letting people in, giving and taking roles: who may, what happens, and what is written down."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from observability.models import AuditEntry
from tests.people import MINE, OTHER, PASSWORD, client_of, make_people
from vmconsole.access.models import Namespace, RoleBinding, User

pytestmark = pytest.mark.django_db


def shown_password(answer: object) -> str:
    found = re.search(r'id="one-time-password">([^<]+)<', answer.content.decode())  # type: ignore[attr-defined]
    assert found
    return found[1]


def test_the_first_administrator_is_made_once() -> None:
    out = StringIO()
    call_command("ensure_admin", stdout=out)
    password = out.getvalue().strip()
    client = Client()
    assert client.post("/sign-in", {"username": "admin", "password": password}).status_code == 302
    assert client.get("/settings/people/")["Location"] == "/settings/password"

    again = StringIO()
    call_command("ensure_admin", stdout=again)
    assert again.getvalue() == ""
    assert AuditEntry.objects.get(action="person_create").actor_name == "system:setup"


def test_a_person_comes_in_with_a_password_shown_once() -> None:
    people = make_people()
    erin = client_of(people.erin)
    answer = erin.post("/settings/people/new", {"username": "gil"})
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    password = shown_password(answer)
    gil = User.objects.get(username="gil")
    assert "one-time-password" not in erin.get(f"/settings/people/{gil.pk}/").content.decode()
    assert Client().post("/sign-in", {"username": "gil", "password": password}).status_code == 302
    entry = AuditEntry.objects.get(action="person_create")
    assert (entry.actor_name, entry.name, entry.phase) == ("erin", "gil", "succeeded")
    assert password not in str(AuditEntry.objects.values())


@pytest.mark.parametrize("name", ["", "alice", "<script>", "x" * 151, "a b"])
def test_a_name_that_cannot_be_is_refused_beside_its_field(name: str) -> None:
    erin = client_of(make_people().erin)
    answer = erin.post("/settings/people/new", {"username": name})
    assert answer.status_code == 422
    assert 'id="id_username-error"' in answer.content.decode()
    assert "<script>" not in answer.content.decode()


def test_roles_are_given_and_taken() -> None:
    people = make_people()
    erin, dave = client_of(people.erin), client_of(people.dave)
    body = {"username": "dave", "role": "view", "namespace": MINE}
    assert erin.post("/settings/people/roles", body).status_code == 302
    assert MINE in dave.get("/settings/namespaces/").content.decode()
    binding = RoleBinding.objects.get(user=people.dave, namespace=MINE)
    assert erin.post(f"/settings/people/{people.dave.pk}/roles/{binding.pk}/delete").status_code == 302
    assert f'row">{MINE}<' not in dave.get("/settings/namespaces/").content.decode()
    actions = list(AuditEntry.objects.order_by("id").values_list("action", "name", "namespace"))
    assert actions == [("role_bind", "dave", MINE), ("role_unbind", "dave", MINE)]


def test_an_administrator_of_a_namespace_rules_there_and_nowhere_else() -> None:
    people = make_people()
    alice = client_of(people.alice)
    page = alice.get("/settings/people/").content.decode()
    assert "bob" in page
    assert "dave" not in page
    assert alice.get(f"/settings/people/{people.dave.pk}/").status_code == 404

    def give(role: str, namespace: str) -> int:
        body = {"username": "dave", "role": role, "namespace": namespace}
        return alice.post("/settings/people/roles", body).status_code

    assert give("edit", MINE) == 302
    assert give("edit", OTHER) == 422
    assert give("edit", "") == 422
    assert give("cluster-admin", "") == 422
    assert alice.post("/settings/people/new", {"username": "gil"}).status_code == 403
    for verb in ("deactivate", "activate", "unlock", "password", "sessions/end"):
        assert alice.post(f"/settings/people/{people.bob.pk}/{verb}").status_code == 403, verb
    refused = AuditEntry.objects.filter(phase="refused")
    assert {"person_create", "role_bind", "person_deactivate"} <= set(refused.values_list("action", flat=True))


def test_people_without_a_say_find_nothing() -> None:
    people = make_people()
    for person in (people.bob, people.carol):
        assert client_of(person).get("/settings/people/").status_code == 404
        assert client_of(person).post("/settings/people/roles", {"username": "dave"}).status_code == 404


def test_deactivating_shuts_out_at_once_and_keeps_the_roles() -> None:
    people = make_people()
    erin, bob = client_of(people.erin), client_of(people.bob)
    assert bob.get("/settings/").status_code == 200
    assert erin.post(f"/settings/people/{people.bob.pk}/deactivate").status_code == 302
    assert bob.get("/settings/").status_code == 302
    assert Client().post("/sign-in", {"username": "bob", "password": PASSWORD}).status_code == 422
    assert erin.post(f"/settings/people/{people.bob.pk}/activate").status_code == 302
    assert bob.get("/settings/").status_code == 200


def test_nobody_saws_off_their_own_branch() -> None:
    people = make_people()
    erin = client_of(people.erin)
    own = RoleBinding.objects.get(user=people.erin)
    assert erin.post(f"/settings/people/{people.erin.pk}/deactivate").status_code == 409
    assert erin.post(f"/settings/people/{people.erin.pk}/roles/{own.pk}/delete").status_code == 409


def test_unlocking_and_a_new_one_time_password() -> None:
    people = make_people()
    erin = client_of(people.erin)
    bad = {"username": "bob", "password": "wrong"}
    for _ in range(5):
        Client().post("/sign-in", bad)
    assert "locked" in erin.get("/settings/people/").content.decode()
    assert Client().post("/sign-in", {"username": "bob", "password": PASSWORD}).status_code == 429
    erin.post(f"/settings/people/{people.bob.pk}/unlock")
    assert Client().post("/sign-in", {"username": "bob", "password": PASSWORD}).status_code == 302

    bob = client_of(people.bob)
    password = shown_password(erin.post(f"/settings/people/{people.bob.pk}/password"))
    assert bob.get("/settings/").status_code == 302
    assert Client().post("/sign-in", {"username": "bob", "password": password}).status_code == 302


def test_ending_somebodys_sessions() -> None:
    people = make_people()
    bob = client_of(people.bob)
    client_of(people.erin).post(f"/settings/people/{people.bob.pk}/sessions/end")
    assert bob.get("/settings/").status_code == 302


@pytest.mark.parametrize(
    ("name", "status"),
    [("web", 302), ("A", 422), ("-a", 422), ("a" * 64, 422), ("日本", 422), ("a/b", 422), (MINE, 409), ("", 422)],
)
def test_namespaces_are_made_by_the_clusters_administrators(name: str, status: int) -> None:
    people = make_people()
    assert client_of(people.erin).post("/settings/namespaces/new", {"name": name}).status_code == status
    assert Namespace.objects.filter(name="web").exists() == (name == "web")
    assert client_of(people.alice).post("/settings/namespaces/new", {"name": "mine"}).status_code == 403

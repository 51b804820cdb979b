"""The pages and the API of tokens: made once, shown once, revoked at once. And signing in for programs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from observability.models import AuditEntry
from tests.access.tokens import program_of, token_of
from tests.people import MINE, OTHER, PASSWORD, client_of, make_people
from vmconsole.access import bearers
from vmconsole.access.models import Token, User
from vmconsole.access.rules import TokenRights

pytestmark = pytest.mark.django_db
RAW = re.compile(r"vmc_[0-9A-Za-z]{49}")


@pytest.fixture(autouse=True)
def fresh_counters() -> None:
    bearers.failures.clear()
    cache.clear()


# --- the page ---------------------------------------------------------------------------------------------------------
def test_made_on_the_page_and_shown_once() -> None:
    carol = client_of(make_people().carol)
    form = {"name": "ci", "rights": "read", "namespaces": [MINE], "days": "7"}
    answer = carol.post("/settings/tokens/", form)
    assert answer.status_code == 201
    (raw,) = set(RAW.findall(answer.content.decode()))
    assert program_of(raw).get("/api/v1/me").json()["namespaces"] == [MINE]
    later = carol.get("/settings/tokens/").content.decode()
    assert "ci" in later and raw[:12] in later and not RAW.search(later)


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"days": "9999"}, {"rights": "root"}, {"namespaces": [OTHER]}, {"name": "x" * 60}]
)
def test_what_the_form_refuses(wrong: dict[str, Any]) -> None:
    form = {"name": "ci", "rights": "read", "namespaces": [""], "days": "7"} | wrong
    assert client_of(make_people().carol).post("/settings/tokens/", form).status_code == 422
    assert not Token.objects.exists()


def test_administrators_revoke_the_tokens_of_others_on_the_persons_page() -> None:
    people = make_people()
    token, raw = token_of(people.carol, name="stolen")
    erin, alice = client_of(people.erin), client_of(people.alice)
    assert "stolen" in erin.get(f"/settings/people/{people.carol.pk}/").content.decode()
    assert "stolen" not in alice.get(f"/settings/people/{people.carol.pk}/").content.decode()
    assert alice.post(f"/settings/tokens/{token.pk}/revoke").status_code == 404
    assert program_of(raw).get("/api/v1/me").status_code == 200
    assert erin.post(f"/settings/tokens/{token.pk}/revoke").status_code == 302
    assert program_of(raw).get("/api/v1/me").status_code == 401


# --- the API ----------------------------------------------------------------------------------------------------------
def test_a_token_makes_lists_and_revokes_tokens() -> None:
    people = make_people()
    _, raw = token_of(people.carol)
    program = program_of(raw)
    ends = (timezone.now() + timedelta(minutes=30)).isoformat()
    asked = {"name": "child", "rights": "read", "namespaces": [MINE], "expires_at": ends}
    made = program.post("/api/v1/tokens", asked, content_type="application/json")
    assert made.status_code == 201 and made.json()["token"].startswith(made.json()["prefix"])
    listed = program.get("/api/v1/tokens").json()["results"]
    assert [row["name"] for row in listed] == ["child", "tests"] and "token" not in listed[0]
    child = program_of(made.json()["token"])
    assert (
        child.post("/api/v1/tokens", asked | {"rights": "everything"}, content_type="application/json").status_code
        == 403
    )
    assert program.delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 204
    assert child.get("/api/v1/me").status_code == 401


def test_the_usual_life_is_30_days_and_no_longer_than_its_parents() -> None:
    people = make_people()
    made = client_of(people.carol).post("/api/v1/tokens", {"name": "x"}, content_type="application/json").json()
    assert made["rights"] == "read" and made["namespaces"] is None
    _, raw = token_of(people.carol)
    assert program_of(raw).post("/api/v1/tokens", {"name": "x"}, content_type="application/json").status_code == 422


def test_the_audit_says_which_token_it_was() -> None:
    people = make_people()
    token, raw = token_of(people.erin, name="terraform")
    asked = {"username": "bob", "role": "edit", "namespace": MINE}
    assert program_of(raw).post("/api/v1/roles", asked, content_type="application/json").status_code == 201
    entry = AuditEntry.objects.get(action="role_bind", name="bob")
    assert (entry.actor_name, entry.auth, entry.token_id) == ("erin", "token", f"{token.prefix} terraform")
    _, lesser = token_of(people.erin, TokenRights.READ_WRITE)
    assert program_of(lesser).post("/api/v1/roles", asked, content_type="application/json").status_code == 404
    refused = AuditEntry.objects.get(phase="refused", auth="token")
    assert raw not in str(AuditEntry.objects.values()) and refused.reason == "NotFound"


def test_oneself_within_the_tokens_scope() -> None:
    people = make_people()
    _, raw = token_of(people.alice, TokenRights.READ, [MINE], name="reader")
    me = program_of(raw).get("/api/v1/me").json()
    assert me["username"] == "alice" and me["namespaces"] == [MINE] and me["cluster_rights"] == []
    assert me["token"]["name"] == "reader" and {"role": "cluster-view", "namespace": None} in me["roles"]


# --- signing in -------------------------------------------------------------------------------------------------------
def login(password: str = PASSWORD, name: str = "alice", **more: Any) -> Any:
    asked = {"username": name, "password": password, "name": "vmctl on here", **more}
    return Client(enforce_csrf_checks=True).post("/api/v1/login", asked, content_type="application/json")


def test_name_and_password_for_a_token() -> None:
    make_people()
    answer = login()
    assert answer.status_code == 201 and answer.json()["rights"] == "everything"
    assert program_of(answer.json()["token"]).get("/api/v1/me").json()["username"] == "alice"
    told = list(AuditEntry.objects.filter(phase="succeeded").order_by("id").values_list("action", "actor_name", "auth"))
    assert told == [("sign_in", "alice", "password"), ("token_create", "alice", "password")]


def test_wrong_passwords_lock_the_same_door_as_the_page() -> None:
    make_people()
    assert [login("wrong").status_code for _ in range(5)] == [401, 401, 401, 401, 429]
    locked = login()
    assert locked.status_code == 429 and 880 <= int(locked["Retry-After"]) <= 900
    assert Client().post("/sign-in", {"username": "alice", "password": PASSWORD}).status_code == 429
    assert login(name="bob").status_code == 201
    assert {row.reason for row in AuditEntry.objects.filter(action="sign_in", phase="refused")} == {
        "WrongPassword",
        "LockedOut",
    }


def test_a_right_password_forgets_the_wrong_ones() -> None:
    make_people()
    for _ in range(2):
        assert [login("wrong").status_code for _ in range(4)] == [401] * 4
        assert login().status_code == 201


def test_a_one_time_password_is_for_the_browser() -> None:
    people = make_people()
    User.objects.filter(pk=people.bob.pk).update(password_expired=True)
    answer = login(name="bob")
    assert answer.status_code == 403 and "one-time password" in answer.json()["detail"] and answer.json()["fix"]
    assert not Token.objects.exists()


def test_nobody_learns_who_has_an_account() -> None:
    people = make_people()
    User.objects.filter(pk=people.bob.pk).update(is_active=False)
    found = [login("wrong password", name) for name in ("alice", "bob", "nobody")]
    assert {answer.status_code for answer in found} == {401}
    assert len({answer.json()["detail"] for answer in found}) == 1
    assert login(name="bob").status_code == 401
    assert "nobody" not in AuditEntry.objects.values_list("name", flat=True)


def test_the_password_comes_in_the_body_as_json_only() -> None:
    make_people()
    fields = {"username": "alice", "password": PASSWORD, "name": "x"}
    assert Client().post("/api/v1/login", fields).status_code == 415
    assert Client().post("/api/v1/login", query_params=fields, content_type="application/json").status_code in (
        400,
        422,
    )

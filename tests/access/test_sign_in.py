"""Coming in, staying out, going away."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from observability.models import AuditEntry
from tests.people import PASSWORD, client_of, make_people, make_person
from vmconsole.access import lockout, sessions
from vmconsole.access.models import User

pytestmark = pytest.mark.django_db


def sign_in(client: Client, name: str = "alice", password: str = PASSWORD, **headers: str) -> int:
    return client.post("/sign-in", {"username": name, "password": password}, headers=headers).status_code


def told(action: str) -> list[tuple[str, str, str]]:
    entries = AuditEntry.objects.filter(action=action).order_by("id")
    return list(entries.values_list("name", "phase", "reason"))


def test_sign_in_and_out_are_in_the_audit() -> None:
    make_people()
    client = Client()
    assert sign_in(client, password="wrong") == 422
    assert sign_in(client) == 302
    assert client.post("/sign-out").status_code == 302
    assert client.get("/settings/").status_code == 302
    assert told("sign_in") == [("alice", "refused", "WrongPassword"), ("alice", "succeeded", "")]
    assert told("sign_out") == [("alice", "succeeded", "")]
    entry = AuditEntry.objects.get(action="sign_out")
    assert (entry.actor_name, entry.kind, entry.source) == ("alice", "Session", "127.0.0.1")


def test_a_planted_session_is_worth_nothing_after_sign_in() -> None:
    make_people()
    client = Client()
    client.get("/sign-in")
    planted = client.session
    planted["lure"] = 1
    planted.save()
    client.cookies["vmconsole-session"] = str(planted.session_key)
    assert sign_in(client) == 302
    assert client.session.session_key != planted.session_key
    assert sessions.user_of(planted.session_key) is None


def test_five_wrong_passwords_lock_this_name_from_this_address_only() -> None:
    make_people()
    client = Client()
    assert [sign_in(client, password="wrong") for _ in range(5)] == [422, 422, 422, 422, 429]
    answer = client.post("/sign-in", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Try again in 15 minutes" in answer.content.decode()
    assert 880 <= int(answer["Retry-After"]) <= 900
    assert told("sign_in")[-1] == ("alice", "refused", "LockedOut")

    assert sign_in(Client(), name="bob") == 302  # somebody else from here
    assert sign_in(Client(REMOTE_ADDR="10.1.2.3")) == 302  # alice from elsewhere


def test_a_forwarded_address_from_a_stranger_is_not_believed() -> None:
    make_people()
    for number in range(5):
        sign_in(Client(), password="wrong", **{"X-Forwarded-For": f"10.0.0.{number}"})
    assert sign_in(Client(), **{"X-Forwarded-For": "10.0.0.99"}) == 429


def test_the_lock_opens_by_itself() -> None:
    make_people()
    for _ in range(5):
        sign_in(Client(), password="wrong")
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert sign_in(Client()) == 302


def test_a_password_typed_as_the_name_is_not_written_down() -> None:
    sign_in(Client(), name="my secret password", password="x")
    assert told("sign_in") == [("", "refused", "WrongPassword")]


def test_nobody_learns_who_has_an_account() -> None:
    make_people()
    User.objects.filter(username="bob").update(is_active=False)
    answers = set()
    for name in ("alice", "bob", "nobody"):
        answer = Client().post("/sign-in", {"username": name, "password": "wrong password"})
        answers.add((answer.status_code, answer.content.decode().replace(f'value="{name}"', "")))
    words = {text.count("do not belong together") for _, text in answers}
    assert {status for status, _ in answers} == {422}
    assert words == {1}


def test_where_they_wanted_to_go_but_never_to_another_site() -> None:
    make_people()
    fields = {"username": "alice", "password": PASSWORD}
    assert Client().post("/sign-in", fields | {"next": "/settings/"})["Location"] == "/settings/"
    assert Client().post("/sign-in", fields | {"next": "https://evil.example/"})["Location"] == "/"
    assert Client().post("/settings/preferences", {"theme": "dark", "next": "//evil.example"})["Location"] == "/"


def test_a_one_time_password_opens_one_page() -> None:
    person = make_person("gil", [])
    User.objects.filter(pk=person.pk).update(password_expired=True)
    client = Client()
    assert sign_in(client, name="gil") == 302
    assert client.get("/settings/")["Location"] == "/settings/password"
    assert client.get("/", headers={"HX-Request": "true"})["HX-Redirect"] == "/settings/password"
    assert client.get("/api/v1/anything").status_code == 403
    assert sessions.user_of(client.session.session_key) is None

    page = client.post("/settings/password", {"password1": "short", "password2": "short"})
    assert page.status_code == 422
    new = "another long sentence"
    assert client.post("/settings/password", {"password1": new, "password2": new})["Location"] == "/"
    assert client.get("/settings/").status_code == 200
    assert sign_in(Client(), name="gil", password=new) == 302


def test_a_new_password_ends_the_other_sessions() -> None:
    people = make_people()
    here, there = client_of(people.alice), client_of(people.alice)
    new = {"old_password": PASSWORD, "new_password1": "a quite new sentence", "new_password2": "a quite new sentence"}
    assert here.post("/settings/password", new | {"old_password": "wrong"}).status_code == 422
    assert here.post("/settings/password", new).status_code == 302
    assert here.get("/settings/").status_code == 200
    assert there.get("/settings/").status_code == 302
    assert told("password_change") == [("", "refused", "Invalid"), ("alice", "succeeded", "")]


def test_ending_my_other_sessions_keeps_this_one() -> None:
    people = make_people()
    here, there = client_of(people.alice), client_of(people.alice)
    assert here.post("/settings/sessions/end").status_code == 302
    assert here.get("/settings/").status_code == 200
    assert there.get("/settings/").status_code == 302


def test_language_and_theme_follow_the_person() -> None:
    people = make_people()
    stranger = Client()
    stranger.post("/settings/preferences", {"language": "ja", "theme": "dark"})
    assert stranger.get("/sign-in")["Content-Language"] == "ja"
    assert stranger.cookies["theme"].value == "dark"
    client_of(people.alice).post("/settings/preferences", {"language": "ja", "theme": "light"})
    elsewhere = Client()
    sign_in(elsewhere)
    assert (elsewhere.cookies["django_language"].value, elsewhere.cookies["theme"].value) == ("ja", "light")
    assert Client().post("/settings/preferences", {"language": "xx"}).cookies.get("django_language") is None


def test_a_session_is_asked_again_by_what_lives_long() -> None:
    people = make_people()
    client = client_of(people.alice)
    key = client.session.session_key
    assert sessions.user_of(key) == people.alice
    User.objects.filter(pk=people.alice.pk).update(is_active=False)
    assert sessions.user_of(key) is None
    assert sessions.user_of("made-up") is None
    assert sessions.user_of(None) is None


def test_what_expired_is_forgotten() -> None:
    people = make_people()
    client_of(people.alice)
    sign_in(Client(), password="wrong")
    sessions.prune()
    lockout.prune()
    assert (Session.objects.count(), AccessAttempt.objects.count()) == (1, 1)
    with time_machine.travel(timezone.now() + timedelta(hours=13)):
        sessions.prune()
        lockout.prune()
    assert (Session.objects.count(), AccessAttempt.objects.count()) == (0, 0)

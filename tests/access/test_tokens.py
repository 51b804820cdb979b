"""Tokens: what they open, how far, and how soon no longer."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from observability.models import AuditEntry
from tests.access.tokens import program_of, token_of
from tests.people import MINE, OTHER, client_of, make_people, make_person
from vmconsole.access import bearers, journal, tokening, tokens
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Denied, NotFound, Unprocessable
from vmconsole.access.models import RoleBinding, Token, User
from vmconsole.access.rights import Right, everywhere, may, namespaces
from vmconsole.access.rules import Grant, Role, Scope, TokenRights, allows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_failed() -> None:
    bearers.failures.clear()


def bearer(raw: str) -> User:
    user = tokens.authenticate(raw)
    assert user is not None
    return user


def test_a_token_is_its_person() -> None:
    people = make_people()
    token, raw = token_of(people.carol)
    user = bearer(raw)
    assert user == people.carol and user.token == token
    assert may(user, Right.EDIT, MINE) and not may(user, Right.VIEW, OTHER)
    assert raw.startswith(token.prefix) and len(raw) == 53


def test_only_its_hash_is_kept() -> None:
    _, raw = token_of(make_people().carol)
    kept = str(list(Token.objects.values())) + str(list(AuditEntry.objects.values()))
    assert raw not in kept and raw[12:40] not in kept


@given(st.text(max_size=80))
def test_what_we_did_not_make_never_reaches_the_database(typed: str) -> None:
    assert not tokens.well_formed(typed)


def test_one_wrong_character_is_noticed_without_a_query(django_assert_num_queries: Any) -> None:
    raw, _, _ = tokens.mint()
    wrong = raw[:20] + ("a" if raw[20] != "a" else "b") + raw[21:]
    with django_assert_num_queries(0):
        assert tokens.find(wrong) is None
    with django_assert_num_queries(1):
        assert tokens.find(raw) is None


grants = st.frozensets(st.builds(Grant, st.sampled_from(list(Role)), st.sampled_from([None, "a", "b"])), max_size=4)
scopes = st.builds(
    Scope.of, st.sampled_from(list(TokenRights)), st.none() | st.frozensets(st.sampled_from(["a", "b", "c"]))
)


@given(grants, scopes, st.sampled_from(list(Right)), st.sampled_from([None, "a", "b", "c"]))
def test_a_scope_takes_away_and_gives_nothing(
    held: frozenset[Grant], scope: Scope, right: Right, place: str | None
) -> None:
    """Exactly what the person may, and the scope names: for `None`, the cluster, only a scope of all namespaces."""
    inside = right in scope.rights and (scope.namespaces is None or place in scope.namespaces)
    assert allows(scope.narrow(held), right, place) == (allows(held, right, place) and inside)


def test_a_narrow_token_of_a_mighty_person() -> None:
    erin = make_people().erin
    _, raw = token_of(erin, TokenRights.READ, [MINE])
    user = bearer(raw)
    assert namespaces(user) == [MINE] and not everywhere(user)
    assert not may(user, Right.EDIT, MINE) and not may(user, Right.CLUSTER_VIEW, None)
    erin.is_superuser = True
    erin.save()
    assert namespaces(bearer(raw)) == [MINE] and not may(bearer(raw), Right.EDIT, MINE)


def test_it_never_may_more_than_its_person_may_now() -> None:
    people = make_people()
    _, raw = token_of(people.carol)
    RoleBinding.objects.filter(user=people.carol, namespace=MINE).update(role="view")
    assert may(bearer(raw), Right.VIEW, MINE) and not may(bearer(raw), Right.EDIT, MINE)


@pytest.mark.parametrize("fields", [{"is_active": False}, {"password_expired": True}])
def test_a_person_who_is_shut_out_has_no_tokens(fields: dict[str, bool]) -> None:
    people = make_people()
    token, raw = token_of(people.carol)
    User.objects.filter(pk=people.carol.pk).update(**fields)
    assert tokens.authenticate(raw) is None
    assert not tokens.alive(token.pk) and tokens.user_of(token.pk) is None and tokens.living([token.pk]) == set()


def test_revoked_it_opens_nothing_and_neither_do_its_children() -> None:
    people = make_people()
    token, raw = token_of(people.carol)
    child, other = token_of(bearer(raw), TokenRights.READ, lasts=timedelta(minutes=5))
    assert child.parent == token and tokens.living([token.pk, child.pk]) == {token.pk, child.pk}
    tokening.revoke(people.carol, Actor.system("test"), token)
    assert tokens.authenticate(raw) is None and tokens.authenticate(other) is None
    assert tokens.living([token.pk, child.pk]) == set()
    assert AuditEntry.objects.filter(action="token_revoke").count() == 2


def test_it_ends() -> None:
    token, raw = token_of(make_people().carol, lasts=timedelta(hours=1))
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert tokens.authenticate(raw) is None and not tokens.alive(token.pk)
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        tokens.prune()
    assert not Token.objects.exists()


def test_a_token_makes_no_greater_token() -> None:
    people = make_people()
    _, raw = token_of(people.alice, TokenRights.READ_WRITE, [MINE])
    for rights, places in [(TokenRights.EVERYTHING, [MINE]), (TokenRights.READ, None), (TokenRights.CONSOLE, [MINE])]:
        with pytest.raises(Denied):
            token_of(bearer(raw), rights, places, lasts=timedelta(minutes=1))
    with pytest.raises(Unprocessable):
        token_of(bearer(raw), TokenRights.READ, [MINE], lasts=timedelta(hours=2))


def test_a_lesser_token_revokes_itself_and_no_other() -> None:
    people = make_people()
    mine, raw = token_of(people.alice, TokenRights.READ)
    other, _ = token_of(people.alice)
    with pytest.raises(Denied):
        tokening.revoke(bearer(raw), Actor.system("test"), other)
    tokening.revoke(bearer(raw), Actor.system("test"), mine)
    assert tokens.living([mine.pk, other.pk]) == {other.pk}


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(days=-1), timedelta(days=367)])
def test_its_time_is_limited(lasts: timedelta) -> None:
    with pytest.raises(Unprocessable):
        token_of(make_people().carol, lasts=lasts)


@pytest.mark.parametrize("name", ["", "x" * 51, "a\nb", "\x1b[31m"])
def test_its_name_can_be_read(name: str) -> None:
    with pytest.raises(Unprocessable):
        token_of(make_people().carol, name=name)


def test_nobody_names_a_namespace_that_is_not_theirs() -> None:
    with pytest.raises(NotFound):
        token_of(make_people().carol, places=[MINE, OTHER])


def test_its_use_is_written_once_a_minute(django_assert_num_queries: Any) -> None:
    token, raw = token_of(make_people().carol)
    bearer(raw)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    with django_assert_num_queries(2):  # the token, and whose it is
        bearer(raw)
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        bearer(raw)
    token.refresh_from_db()
    assert token.last_used_at is not None and token.last_used_at > first


# --- at the door ------------------------------------------------------------------------------------------------------
def test_the_api_takes_it_and_the_pages_do_not() -> None:
    _, raw = token_of(make_people().alice)
    client = program_of(raw)
    assert client.get("/api/v1/audit").status_code == 200
    assert client.get("/vms/", headers={"Accept": "text/html"}).status_code == 302


def test_a_bad_token_is_401_even_beside_a_good_session() -> None:
    alice = make_people().alice
    answer = client_of(alice).get("/api/v1/audit", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_guessing_ends_and_good_tokens_still_pass(caplog: pytest.LogCaptureFixture) -> None:
    _, raw = token_of(make_people().alice)
    with caplog.at_level(logging.DEBUG):
        found = [program_of(f"vmc_guess-{n}").get("/api/v1/audit") for n in range(13)]
    assert [answer.status_code for answer in found] == [401] * 10 + [429] * 3
    assert int(found[-1].headers["Retry-After"]) <= 60
    assert program_of(raw).get("/api/v1/audit").status_code == 200
    written = AuditEntry.objects.filter(action="token_use")
    assert written.count() == 10 and set(written.values_list("reason", "phase")) == {("Unknown", "refused")}
    assert "guess-" not in caplog.text + str(list(written.values()))


def test_a_revoked_one_is_told_of_by_its_name() -> None:
    people = make_people()
    token, raw = token_of(people.alice, name="ci")
    tokening.revoke(people.alice, Actor.system("test"), token)
    assert program_of(raw).get("/api/v1/audit").status_code == 401
    entry = AuditEntry.objects.get(action="token_use")
    assert (entry.actor_name, entry.auth, entry.token_id) == ("alice", "token", f"{token.prefix} ci")
    assert entry.reason == "Revoked"


def test_failures_of_many_addresses_do_not_pile_up() -> None:
    counted = bearers.Failures()
    for number in range(bearers.ADDRESSES + 50):
        counted.count(f"10.0.{number // 256}.{number % 256}")
    assert len(counted._counts) == bearers.ADDRESSES


def test_a_namespaced_token_shows_only_its_namespace() -> None:
    both = make_person("frank", [])
    make_people()
    for place in (MINE, OTHER):
        RoleBinding.objects.create(user=both, role="admin", namespace_id=place)
    _, raw = token_of(both, places=[OTHER])
    actor = Actor.system("test")
    for place in (MINE, OTHER):
        journal.record(actor, "test", kind="Test", uid=None, name=f"in-{place}", namespace=place, phase="accepted")
    text = program_of(raw).get("/api/v1/audit").content.decode()
    assert "in-b" in text and "in-a" not in text

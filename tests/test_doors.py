"""Every door, knocked at by everybody.

The URL map, the sockets, the commands and the tasks are walked, not listed: what is missing in `tests/doors.py` fails
here. That table says who gets in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.core.management import get_commands
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from inventory.rules import Verb
from inventory.services.power import WISHES
from observability.models import AuditEntry, AuditHead
from tests.access.tokens import program_of, token_of
from tests.doors import BODIES, COMMANDS, DOORS, HEADERS, NOUNS, OPEN, OUT, QUERIES, SOCKETS, TASKS
from tests.people import client_of
from tests.world import CANARY, World, make_world
from vmconsole.access.models import User

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REFUSALS = {401, 403, 404, 405}
WHO = ("stranger", "bob", "carol", "alice", "dave", "erin")
BEARERS = "apiserver:"  # doors for programs with tokens, and for nobody else
OURS = ("vmconsole", "apiserver", "inventory", "networking", "storage", "observability")


def url_map() -> dict[str, URLPattern]:
    """Every URL pattern there is, by its full name."""

    def walk(patterns: list[Any], names: tuple[str, ...]) -> Iterator[tuple[str, URLPattern]]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                inner = (*names, pattern.namespace) if pattern.namespace else names
                yield from walk(pattern.url_patterns, inner)
            else:
                yield ":".join((*names, pattern.name or f"unnamed {pattern.pattern}")), pattern

    return dict(walk(get_resolver().url_patterns, ()))


def knock(client: Client, world: World, door: str, method: str, pattern: URLPattern) -> Any:
    """One request, with what the door needs to hear."""
    noun = door.partition(":")[2].removeprefix("api_").partition("_")[0]
    known = NOUNS.get(noun, nothing)(world)
    wanted = pattern.pattern.regex.groupindex if hasattr(pattern.pattern, "regex") else {}
    names = {*wanted, *pattern.pattern.converters}
    where = reverse(door, kwargs={name: value for name, value in known.items() if name in names})
    query = {name: str(value) for name, value in QUERIES.get(door, nothing)(world).items()}
    headers = HEADERS.get(door, {})
    if ":api_" in door and method != "GET":
        body = json.dumps(body_for(world, door))
        return client.generic(method, where, body, content_type="application/json", query_params=query, headers=headers)
    if method == "POST" and not door.startswith(BEARERS):
        return client.post(where, body_for(world, door), query_params=query, headers=headers)
    kind = headers.get("Content-Type", "application/octet-stream")
    return client.generic(method, where, content_type=kind, query_params=query, headers=headers)


def come_to(door: str, person: User | None, *, csrf: bool = False) -> Client:
    """Whoever knocks, as one comes to this door: a browser with its cookie, or a program with a token."""
    if person is None or not door.startswith(BEARERS):
        return client_of(person, csrf=csrf)
    return program_of(token_of(person)[1])


def nothing(_: World) -> dict[str, Any]:
    return {}


def body_for(world: World, door: str) -> dict[str, Any]:
    return BODIES.get(door, nothing)(world)


def body_of(answer: Any) -> bytes:
    async def streamed() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    if not answer.streaming:
        return bytes(answer.content)
    return async_to_sync(streamed)() if answer.is_async else b"".join(answer.streaming_content)


def went(answer: Any) -> str:
    """What the answer means to whoever knocked."""
    there = answer.headers.get("Location", "")
    if answer.status_code == 401 or there.startswith("/sign-in?"):
        return "out"
    return str(answer.status_code) if answer.status_code in REFUSALS or answer.status_code >= 500 else "open"


def expected(answer: int) -> str:
    return {OPEN: "open", OUT: "out"}.get(answer, str(answer))


def at_every_door() -> list[tuple[str, str]]:
    return [(door, method) for door, methods in DOORS.items() for method in methods]


def test_every_url_is_in_the_table_and_the_table_has_no_others() -> None:
    assert set(url_map()) == set(DOORS)


@pytest.mark.django_db
@pytest.mark.parametrize(("door", "method"), at_every_door())
def test_who_gets_in(door: str, method: str) -> None:
    world, pattern = make_world(), url_map()[door]
    found = {}
    for name in WHO:
        person = getattr(world.people, name, None)
        with transaction.atomic():
            found[name] = went(knock(come_to(door, person), world, door, method, pattern))
            transaction.set_rollback(True)
    assert found == {name: expected(answer) for name, answer in DOORS[door][method].items()}


@pytest.mark.django_db
@pytest.mark.parametrize("door", DOORS)
def test_no_other_method_is_answered(door: str) -> None:
    world, pattern = make_world(), url_map()[door]
    erin = come_to(door, world.people.erin)
    others = [method for method in METHODS if method not in DOORS[door]]
    found = {}
    for method in others:
        with transaction.atomic():
            found[method] = knock(erin, world, door, method, pattern).status_code
            transaction.set_rollback(True)
    assert found == dict.fromkeys(others, 405)


@pytest.mark.django_db
@pytest.mark.parametrize(("door", "method"), [(door, method) for door, method in at_every_door() if method != "GET"])
def test_no_change_without_the_forms_token(door: str, method: str) -> None:
    world, pattern = make_world(), url_map()[door]
    answer = knock(client_of(world.people.erin, csrf=True), world, door, method, pattern)
    assert answer.status_code == (401 if door.startswith(BEARERS) else 403)  # a cookie opens nothing there at all


@pytest.mark.django_db
@pytest.mark.parametrize("door", [door for door, methods in DOORS.items() if "GET" in methods])
def test_nothing_of_another_namespace_is_shown(door: str) -> None:
    """Dave has a namespace of his own, and reads what he may: none of it is about namespace a."""
    world, pattern = make_world(), url_map()[door]
    answer = knock(come_to(door, world.people.dave), world, door, "GET", pattern)
    text = body_of(answer).decode(errors="replace")
    if answer.status_code == 200:
        named = (world.vm, world.thrown_away, world.disk, world.image, world.interface, world.upload, world.token)
        theirs = [each.name for each in named]
        assert [name for name in theirs if name in text] == []
        assert f"{CANARY}-event" not in text
        assert str(world.operation.uid) not in text


def told_by_rows() -> dict[str, list[Any]]:
    """Everything a person could have changed: all rows of our apps but the log books, without times of sign-in."""
    own = [model for app in apps.get_app_configs() if app.name.split(".")[0] in OURS for model in app.get_models()]
    return {
        model.__name__: [{**row, "last_login": None} for row in model._default_manager.order_by("pk").values()]
        for model in own
        if model not in (AuditEntry, AuditHead)
    }


# What somebody without rights may change: their own account, and that they have seen a failure.
THEIR_OWN = {
    "access:preferences_change", "access:password_change", "access:sessions_end", "operations:operation_seen",
    "access:token_list", "access:api_token_list",
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["stranger", "bob", "dave"])
def test_who_may_not_change_anything_changes_nothing(who: str) -> None:
    """Dave may edit, but not here. Whatever a door answered: afterwards everything is as it was."""
    world, patterns = make_world(), url_map()
    person = getattr(world.people, who, None)
    browser, program = client_of(person), come_to(BEARERS, person)
    program.get("/api")  # a token's first use is noted
    before = told_by_rows()
    for door, method in at_every_door():
        if method == "GET" or door in THEIR_OWN:
            continue
        with transaction.atomic():
            knock(program if door.startswith(BEARERS) else browser, world, door, method, patterns[door])
            assert told_by_rows() == before, f"{who} changed something at {door}"
            transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize("verb", [verb for verb in Verb if verb in WISHES or verb is Verb.RESET])
def test_nobody_without_the_role_gets_any_power_verb(verb: Verb) -> None:
    world = make_world()
    where = reverse("inventory:vm_power", args=[world.vm.namespace, world.vm.name, verb.value])
    people = world.people
    assert [client_of(each).post(where).status_code for each in (None, people.bob, people.dave)] == [302, 403, 404]
    refusals = AuditEntry.objects.filter(phase="refused", action=verb.value, name="canary-vm").order_by("id")
    assert list(refusals.values_list("actor_name", flat=True)) == ["bob", "dave"]


def test_every_socket_is_in_the_table() -> None:
    from vmconsole.asgi import sockets

    assert {str(route.pattern) for route in sockets.routes} == set(SOCKETS)


def test_every_command_is_in_the_table() -> None:
    own = {config.name for config in apps.get_app_configs() if config.name.split(".")[0] in OURS}
    assert {name for name, app in get_commands().items() if app in own} == set(COMMANDS)


def test_every_task_is_in_the_table() -> None:
    from vmconsole.celery import app

    app.loader.import_default_modules()
    assert {name for name in app.tasks if not name.startswith("celery.")} == set(TASKS)

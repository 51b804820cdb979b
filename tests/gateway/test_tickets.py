"""A ticket opens one console, once, soon, for whoever asked, and is found nowhere after."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from observability.models import AuditEntry
from tests.gateway.conftest import Browser, Machine, Server, close_code
from tests.gateway.guests import GREETING, ListeningGuest, greet
from tests.hosts import wait_until
from tests.people import OTHER, People
from vmconsole.gateway import tickets
from vmconsole.gateway.models import ConsoleTicket
from vmconsole.gateway.wire import BAD_MESSAGE, BAD_TICKET, NO_TICKET, NOT_FOUND, SIGNED_OUT


def say_ticket(opened: ClientConnection, ticket: str) -> None:
    opened.send(json.dumps({"ticket": ticket}))


def test_opens_once(carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
    ticket = carol.ticket(machine)
    path = f"/console/{machine.uid}/vnc"
    with carol.socket(path) as opened:
        say_ticket(opened, ticket)
        wait_until(lambda: screen.connections)
        screen.say(GREETING)
        assert opened.recv(timeout=5) == GREETING
        with carol.socket(path) as again:
            say_ticket(again, ticket)
            assert close_code(again) == BAD_TICKET
    entry = AuditEntry.objects.get(action="console.vnc", phase="refused")
    assert (entry.actor_name, entry.reason) == ("carol", "BadTicket")


def test_of_a_hundred_at_once_one_wins(people: People, machine: Machine) -> None:
    ticket = tickets.issue(people.carol, "session", machine.uid, machine.namespace, "vnc", writable=True)

    def use(_: int) -> bool:
        try:
            return tickets.consume(ticket, people.carol, "session", machine.uid, "vnc") is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(use, range(100))) == 1


def test_a_hundred_browsers_race_for_one_ticket(carol: Browser, machine: Machine) -> None:
    ticket = carol.ticket(machine)

    def use(_: int) -> bytes | int | None:
        with carol.socket(f"/console/{machine.uid}/vnc") as opened:
            say_ticket(opened, ticket)
            try:
                return opened.recv(timeout=60, decode=False)
            except ConnectionClosed:
                return opened.close_code

    with ListeningGuest(machine.vnc, greet), ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(use, range(100)))
    assert answers.count(GREETING) == 1
    assert answers.count(BAD_TICKET) == 99
    assert AuditEntry.objects.filter(action="console.vnc", phase="started").count() == 1


@pytest.mark.parametrize("wrong", ["session", "person", "machine", "kind", "old", "made up", "huge"])
def test_fits_nobody_else(wrong: str, people: People, machine: Machine) -> None:
    ticket = tickets.issue(people.carol, "session", machine.uid, machine.namespace, "vnc", writable=True)
    if wrong == "old":
        ConsoleTicket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    used = tickets.consume(
        {"made up": "x" * 32, "huge": "x" * 100_000}.get(wrong, ticket),
        people.erin if wrong == "person" else people.carol,
        "other" if wrong == "session" else "session",
        uuid4() if wrong == "machine" else machine.uid,
        "serial" if wrong == "kind" else "vnc",
    )
    assert used is None


def test_lasts_thirty_seconds_and_is_kept_hashed(people: People, machine: Machine) -> None:
    ticket = tickets.issue(people.carol, "session", machine.uid, machine.namespace, "vnc", writable=True)
    row = ConsoleTicket.objects.get()
    assert timedelta(seconds=29) < row.expires_at - timezone.now() <= timedelta(seconds=30)
    assert ticket not in str(ConsoleTicket.objects.values().get())
    assert "session" not in (row.session, row.digest)


def test_old_tickets_go(people: People, machine: Machine) -> None:
    for _ in range(2):
        ConsoleTicket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        tickets.issue(people.carol, "session", machine.uid, machine.namespace, "vnc", writable=True)
    assert ConsoleTicket.objects.count() == 1


def test_must_come_within_five_seconds(carol: Browser, machine: Machine) -> None:
    with carol.socket(f"/console/{machine.uid}/vnc") as opened:
        assert close_code(opened, seconds=8) == NO_TICKET


@pytest.mark.parametrize("first", ["", "{}", '{"ticket": 7}', '{"ticket": "x", "more": 1}', "[" * 400, b"\x00\x01"])
def test_first_message_must_be_one(first: str | bytes, carol: Browser, machine: Machine) -> None:
    with carol.socket(f"/console/{machine.uid}/vnc") as opened:
        opened.send(first)
        assert close_code(opened) == BAD_MESSAGE


def test_needs_a_session(carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
    ticket = carol.ticket(machine)
    carol.session.delete()
    with carol.socket(f"/console/{machine.uid}/vnc") as opened:
        say_ticket(opened, ticket)
        assert close_code(opened) == SIGNED_OUT


def test_other_namespaces_machine_is_not_there(carol: Browser) -> None:
    other = Machine(uuid4(), namespace=OTHER).known()
    with carol.console(other) as opened:
        assert close_code(opened) == NOT_FOUND


@pytest.mark.parametrize("path", ["/console/{uid}/telnet", "/console/nonsense/vnc", "/nowhere", "/"])
def test_there_is_nothing_else(path: str, carol: Browser, machine: Machine) -> None:
    with carol.socket(path.format(uid=machine.uid)) as opened:
        assert close_code(opened) == NOT_FOUND


class TestOverHttp:
    """The door where pages get them."""

    def post(self, browser: Browser, machine: Machine, **options: object) -> httpx.Response:
        with httpx.Client(base_url=browser.server.origin) as client:
            csrf = "c" * 32
            return client.post(
                f"/console/{machine.uid}/{options.get('kind', 'vnc')}/ticket",
                headers={
                    "Cookie": f"{browser.cookie}; csrftoken={csrf}",
                    "X-CSRFToken": csrf if options.get("csrf", True) else "",
                    "Origin": browser.server.origin,
                    "Accept": "application/json",
                },
                data={"writable": "1" if options.get("writable", True) else "0"},
            )

    def test_gives_a_ticket_and_where_to_use_it(self, carol: Browser, machine: Machine) -> None:
        answer = self.post(carol, machine)
        assert answer.status_code == 200
        assert answer.json()["path"] == f"/console/{machine.uid}/vnc"
        assert tickets.consume(answer.json()["ticket"], carol.user, carol.session_key, machine.uid, "vnc")

    def test_for_looking_only(self, carol: Browser, machine: Machine) -> None:
        self.post(carol, machine, writable=False)
        assert not ConsoleTicket.objects.get().writable

    def test_needs_the_csrf_token(self, carol: Browser, machine: Machine) -> None:
        assert self.post(carol, machine, csrf=False).status_code == 403
        assert not ConsoleTicket.objects.exists()

    @pytest.mark.parametrize(("name", "status"), [("bob", 403), ("dave", 404), ("alice", 200), ("erin", 200)])
    def test_by_role(self, name: str, status: int, server: Server, people: People, machine: Machine) -> None:
        answer = self.post(Browser(server, getattr(people, name)), machine)
        assert answer.status_code == status

    def test_unknown_machine_or_kind(self, carol: Browser, machine: Machine) -> None:
        assert self.post(carol, Machine(uuid4())).status_code == 404
        assert self.post(carol, machine, kind="telnet").status_code == 404


def test_is_found_nowhere_after(carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
    ticket = carol.ticket(machine)
    path = f"/console/{machine.uid}/vnc"
    for _ in range(2):
        with carol.socket(path) as opened:
            say_ticket(opened, ticket)
            with suppress(TimeoutError, ConnectionClosed):
                opened.recv(timeout=0.2)
    written = carol.server.log.read_text()
    assert ticket not in written
    for entry in AuditEntry.objects.values():
        assert ticket not in str(entry)
    if connection.vendor == "sqlite":
        assert ticket.encode() not in (settings.STATE / "db" / "test.sqlite3").read_bytes()

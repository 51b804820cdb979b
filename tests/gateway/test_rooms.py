"""Several people at one screen: who is here is said, one drives, and whoever does not is not heard by the machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from inventory.models import VirtualMachine
from observability.models import AuditEntry
from tests.access.tokens import token_of
from tests.gateway.conftest import Browser, Machine, Server, close_code
from tests.gateway.guests import ListeningGuest
from tests.gateway.test_programs import address
from tests.gateway.test_programs import opened as by_token
from tests.hosts import wait_until
from tests.people import MINE, People, make_person
from vmconsole.access.rules import Role
from vmconsole.gateway.wire import BAD_MESSAGE

HELLO = b"RFB 003.008\n" + b"\x01\x01"
LOOK = b"\x03\x01" + bytes(8)


def key(letter: str, *, down: bool = True) -> bytes:
    return bytes((4, down, 0, 0, 0, 0, 0, ord(letter)))


class Seat:
    """Somebody before the screen: types, and hears who else is here."""

    def __init__(self, opened: ClientConnection, screen: ListeningGuest) -> None:
        self.opened = opened
        self.screen = screen
        self.told: dict[str, Any] = {"people": [], "you": 0}
        opened.send(HELLO)
        self.ask()  # who is answered has come; who comes later, comes second

    def ask(self) -> None:
        before = self.screen.heard.count(LOOK)
        self.opened.send(LOOK)
        wait_until(lambda: self.screen.heard.count(LOOK) > before)

    def until(self, there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not there(self.told):
            message = self.opened.recv(timeout=10)
            if isinstance(message, str):
                self.told = json.loads(message)
        return self.told

    def until_driven_by(self, name: str, *, people: int = 2) -> dict[str, Any]:
        return self.until(lambda told: len(told["people"]) == people and drivers(told) == [name])

    def wish(self, act: str, to: str = "") -> None:
        ids = {each["name"]: each["id"] for each in self.told["people"]}
        self.opened.send(json.dumps({"act": act, **({"to": ids[to]} if to else {})}))

    def types(self, letter: str, *, heard: bool) -> None:
        """The question after the key says when the key has been decided about."""
        self.opened.send(key(letter))
        self.opened.send(key(letter, down=False))
        self.ask()
        assert (key(letter) in self.screen.heard) is heard


def drivers(told: dict[str, Any]) -> list[str]:
    return [each["name"] for each in told["people"] if each["drives"]]


@pytest.fixture
def frank(server: Server, people: People) -> Browser:
    """Edits namespace a as carol does: neither may take from the other."""
    return Browser(server, make_person("frank", [(Role.EDIT, MINE)]))


@pytest.fixture
def alice(server: Server, people: People) -> Browser:
    return Browser(server, people.alice)


Sit = Callable[..., Any]


@pytest.fixture
def sit(machine: Machine, screen: ListeningGuest) -> Sit:
    @contextmanager
    def seated(browser: Browser, **options: Any) -> Iterator[Seat]:
        with browser.console(machine, **options) as opened:
            yield Seat(opened, screen)

    return seated


def moves() -> list[tuple[str, dict[str, Any]]]:
    entries = AuditEntry.objects.filter(action="console.control").order_by("id")
    return [(entry.actor_name, json.loads(entry.extra)) for entry in entries]


def test_the_first_drives_and_the_others_watch(sit: Sit, carol: Browser, frank: Browser) -> None:
    with sit(carol) as one:
        one.types("a", heard=True)
        with sit(frank) as two:
            told = two.until_driven_by("carol")
            assert [(each["name"], each["program"], each["looks"]) for each in told["people"]] == [
                ("carol", False, False),
                ("frank", False, False),
            ]
            assert told["you"] == told["people"][1]["id"]
            assert not told["may_take"]
            two.types("b", heard=False)
            two.wish("take")
            two.wish("give", to="frank")
            two.types("c", heard=False)
            one.types("d", heard=True)
            two.opened.send(b"\x05\x01\0\x10\0\x10" + b"\x06\0\0\0\0\0\0\x02hi" + b"\xfa\0\x01\x02" + key("e") + LOOK)
            one.types("f", heard=True)
            assert b"hi" not in one.screen.heard
        one.until(lambda told: len(told["people"]) == 1)
    assert moves() == []


def test_control_is_asked_for_refused_and_handed_over(sit: Sit, carol: Browser, frank: Browser) -> None:
    with sit(carol) as one, sit(frank) as two:
        two.until_driven_by("carol")
        two.wish("ask")
        one.until(lambda told: [each["asks"] for each in told["people"]] == [False, True])
        one.wish("refuse", to="frank")
        two.until(lambda told: not any(each["asks"] for each in told["people"]))
        two.wish("ask")
        one.until(lambda told: told["people"][1]["asks"])
        one.opened.send(key("x"))
        one.wish("give", to="frank")
        for seat in (one, two):
            seat.until_driven_by("frank")
        assert one.screen.heard.count(key("x", down=False)) == 1  # let go for whoever held it
        two.types("a", heard=True)
        one.types("b", heard=False)
    assert moves() == [("carol", {"from": "carol", "to": "frank", "how": "given"})]


def test_an_administrator_takes_it_at_once(sit: Sit, carol: Browser, alice: Browser) -> None:
    with sit(carol) as one, sit(alice) as two:
        assert two.until_driven_by("carol")["may_take"]
        two.wish("take")
        two.until_driven_by("alice")
        two.types("a", heard=True)
        one.types("b", heard=False)
        assert not one.until_driven_by("alice")["may_take"]
    assert moves() == [("alice", {"from": "carol", "to": "alice", "how": "taken"})]


def test_whoever_is_idle_loses_it_to_the_next_who_takes_it(sit: Sit, carol: Browser, frank: Browser) -> None:
    with sit(carol), sit(frank) as two:
        two.until(lambda told: told.get("may_take", False))
        assert two.told["idle"]
        two.wish("take")
        two.until_driven_by("frank")
    assert moves() == [("frank", {"from": "carol", "to": "frank", "how": "idle"})]


def test_whoever_leaves_may_come_back_before_the_next_one_drives(sit: Sit, carol: Browser, frank: Browser) -> None:
    with sit(frank) as two:
        with sit(carol):
            two.until_driven_by("frank")
            two.wish("give", to="carol")
            two.until_driven_by("carol")
        two.until(lambda told: drivers(told) == [])
        with sit(carol):
            two.until_driven_by("carol")
        two.until_driven_by("frank", people=1)
    assert moves()[-1] == ("carol", {"from": "", "to": "frank", "how": "left"})


def test_the_newest_window_of_a_person_drives(sit: Sit, carol: Browser) -> None:
    with sit(carol) as old, sit(carol) as new:
        told = new.until(lambda told: len(told["people"]) == 2)
        assert [each["drives"] for each in told["people"]] == [False, True]
        old.types("a", heard=False)
        old.until(lambda told: len(told["people"]) == 2)
        old.wish("take")
        old.until(lambda told: [each["drives"] for each in told["people"]] == [True, False])


def test_who_only_looks_never_drives(sit: Sit, carol: Browser, frank: Browser) -> None:
    with sit(frank, writable=False) as looking, sit(carol) as one:
        told = looking.until(lambda told: len(told["people"]) == 2)
        assert (drivers(told), told["may_take"], told["people"][0]["looks"]) == (["carol"], False, True)
        looking.wish("ask")
        looking.wish("take")
        looking.types("a", heard=False)
        one.types("b", heard=True)
        one.until_driven_by("carol")
        one.wish("give", to="frank")
        one.types("c", heard=True)


@pytest.fixture
def machine(people: People) -> Machine:
    """Known to browsers and to programs."""
    vm = VirtualMachine.objects.create(namespace=MINE, name="web-1", status_power="on", status_state="Running")
    return Machine(vm.uid).known()


def test_programs_are_people_too(sit: Sit, carol: Browser, frank: Browser, server: Server) -> None:
    token = token_of(frank.user)[1]
    with sit(carol) as one, by_token(server, address("web-1", "vnc"), token) as viewer:
        told = one.until_driven_by("carol")
        assert [each["program"] for each in told["people"]] == [False, True]
        viewer.send(HELLO + key("a"))
        one.until(lambda told: told["people"][1]["asks"])  # to type is all that a program can ask with
        one.types("b", heard=True)
        assert key("a") not in one.screen.heard
        one.wish("give", to="frank")
        one.until_driven_by("frank")
        viewer.send(key("c"))
        wait_until(lambda: key("c") in one.screen.heard)


@pytest.mark.parametrize(
    "text", ['{"act":"reboot"}', '{"act":"take","more":1}', "x" * 60_000, '{"act":"give","to":"me"}']
)
def test_other_wishes_end_the_session(carol: Browser, machine: Machine, screen: ListeningGuest, text: str) -> None:
    with carol.console(machine) as opened:
        opened.send(text)
        assert close_code(opened) == BAD_MESSAGE

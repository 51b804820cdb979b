"""One serial port, many browsers: replayed, shared, bounded, and back after the machine was restarted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection

from observability.models import AuditEntry
from tests.gateway.conftest import Browser, Machine, close_code
from tests.gateway.guests import ListeningGuest, echo
from tests.hosts import wait_until
from tests.people import People
from vmconsole.gateway.serial import REPLAY, missing
from vmconsole.gateway.wire import NOT_FOUND

unhurried = how(deadline=None)  # other tests take the processor


class Terminal:
    """What one browser has seen."""

    def __init__(self, opened: ClientConnection) -> None:
        self.opened = opened
        self.seen = b""
        self.states: list[dict[str, Any]] = []
        self.people: list[dict[str, Any]] = []

    def hear(self, seconds: float = 5) -> None:
        message = self.opened.recv(timeout=seconds)
        if isinstance(message, bytes):
            self.seen += message
        elif "state" in (said := json.loads(message)):
            self.states.append(said)
        else:
            self.people = said["people"]

    def until(self, text: bytes) -> Terminal:
        while text not in self.seen:
            self.hear()
        return self

    def until_state(self, **wanted: object) -> Terminal:
        while not (self.states and all(self.states[-1][key] == value for key, value in wanted.items())):
            self.hear()
        return self


@pytest.fixture
def port(machine: Machine) -> Iterator[ListeningGuest]:
    with ListeningGuest(machine.serial) as guest:
        yield guest


def test_types_and_reads(carol: Browser, machine: Machine) -> None:
    with ListeningGuest(machine.serial, echo), carol.console(machine, "serial") as opened:
        terminal = Terminal(opened).until_state(state="live", viewers=1)
        opened.send(b"uname\r")
        terminal.until(b"uname\r")


def test_everybody_sees_and_types(people: People, carol: Browser, machine: Machine, port: ListeningGuest) -> None:
    alice = Browser(carol.server, people.alice)
    with carol.console(machine, "serial") as one, alice.console(machine, "serial") as two:
        first, second = Terminal(one).until_state(viewers=2), Terminal(two).until_state(state="live", viewers=2)
        while not second.people:
            second.hear()
        assert {(each["name"], each["drives"]) for each in second.people} == {("carol", True), ("alice", True)}
        one.send(b"from carol ")
        wait_until(lambda: port.heard.endswith(b"carol "))
        two.send(b"from alice")
        wait_until(lambda: port.heard == b"from carol from alice")
        port.say(b"login: ")
        first.until(b"login: ")
        second.until(b"login: ")
        assert len(port.connections) == 1
        two.close()
        first.until_state(viewers=1)


def test_looking_types_nothing(carol: Browser, machine: Machine, port: ListeningGuest) -> None:
    with (
        carol.console(machine, "serial", writable=False) as looking,
        carol.console(machine, "serial") as writing,
    ):
        Terminal(looking).until_state(state="live", viewers=2)
        looking.send(b"rm -rf /\r")
        looking.ping().wait(5)
        writing.send(b"ls\r")
        wait_until(lambda: port.heard)
        assert port.heard == b"ls\r"


def test_replays_the_recorded_log(carol: Browser, machine: Machine, port: ListeningGuest) -> None:
    machine.log.with_name(machine.log.name + ".0").write_bytes(b"x" * REPLAY + b"older\r\n")
    machine.log.write_bytes(b"SeaBIOS\r\nBooting\r\n")
    with carol.console(machine, "serial") as opened:
        terminal = Terminal(opened).until(b"Booting\r\n").until_state(state="live")
        assert terminal.seen.endswith(b"older\r\nSeaBIOS\r\nBooting\r\n")
        assert len(terminal.seen) == REPLAY
        wait_until(lambda: port.connections)
        port.say(b"login: ")
        terminal.until(b"login: ")


def test_later_viewers_get_what_earlier_ones_saw(carol: Browser, machine: Machine, port: ListeningGuest) -> None:
    with carol.console(machine, "serial") as one:
        Terminal(one).until_state(state="live")
        port.say(b"hello ")
        Terminal(one).until(b"hello ")
        with carol.console(machine, "serial") as two:
            terminal = Terminal(two).until(b"hello ")
            port.say(b"world")
            assert terminal.until(b"world").seen == b"hello world"


def test_waits_for_a_machine_that_is_off_and_goes_on(carol: Browser, machine: Machine) -> None:
    machine.log.write_bytes(b"powered off\r\n")
    with carol.console(machine, "serial") as opened:
        terminal = Terminal(opened).until(b"powered off\r\n").until_state(state="waiting")
        with ListeningGuest(machine.serial) as first:
            terminal.until_state(state="live")
            first.say(b"one\r\n")
            terminal.until(b"one\r\n")
            machine.log.write_bytes(b"powered off\r\none\r\nbye\r\n")  # its last words came when nobody listened
        terminal.until_state(state="waiting")
        with ListeningGuest(machine.serial) as second:
            terminal.until_state(state="live")
            terminal.until(b"bye\r\n")
            second.say(b"two\r\n")
            terminal.until(b"two\r\n")
    assert terminal.seen == b"powered off\r\none\r\nbye\r\ntwo\r\n"


def test_lets_go_of_the_port_after_the_last_viewer(carol: Browser, machine: Machine, port: ListeningGuest) -> None:
    for turn in (1, 2):
        with carol.console(machine, "serial") as opened:
            Terminal(opened).until_state(state="live")
            wait_until(lambda turn=turn: len(port.connections) == turn)
        wait_until(lambda: port.connections[-1].fileno() < 0 or not port.connections[-1].recv(1))


def test_slow_viewer_is_told_and_holds_nobody_up(carol: Browser, machine: Machine, port: ListeningGuest) -> None:
    with (
        carol.console(machine, "serial", max_queue=(2, 1)) as slow,
        carol.console(machine, "serial") as quick,
    ):
        Terminal(slow).until_state(state="live", viewers=2)
        terminal = Terminal(quick).until_state(state="live")
        before = carol.server.memory()
        for _ in range(600):  # far more than kernel and queue take
            port.say(b"." * 65_536)
            while len(terminal.seen) > 65_536:
                terminal.seen = b""
            terminal.hear()
        port.say(b"END")
        terminal.until(b"END")
        assert carol.server.memory() - before < 4 * 2**20
        late = Terminal(slow)
        late.until(b"bytes skipped")
        port.say(b"AFTER")
        late.until(b"AFTER")


def test_guest_that_takes_nothing_blocks_nobody(carol: Browser, machine: Machine) -> None:
    """A paste into a guest that does not read is given up; the session stays."""

    def deaf(connection: object) -> None:
        wait_until(lambda: done)

    done: list[int] = []
    with ListeningGuest(machine.serial, deaf) as guest, carol.console(machine, "serial") as opened:
        terminal = Terminal(opened).until_state(state="live")
        for _ in range(16):
            opened.send(bytes(60_000))
        assert opened.ping().wait(30)
        guest.say(b"still here")
        terminal.until(b"still here")
        done.append(1)


def test_machine_without_a_port(carol: Browser, machine: Machine) -> None:
    machine.known(has_serial=False)
    with carol.console(machine, "serial") as opened:
        assert close_code(opened) == NOT_FOUND


def test_is_in_the_audit(carol: Browser, machine: Machine, port: ListeningGuest) -> None:
    with carol.console(machine, "serial") as opened:
        Terminal(opened).until_state(state="live")
        opened.send(b"secret password\r")
        wait_until(lambda: port.heard)
    wait_until(lambda: AuditEntry.objects.filter(action="console.serial", phase="ended").exists())
    end = AuditEntry.objects.get(phase="ended")
    assert end.details["bytes_up"] == 16
    assert not any("secret password" in str(entry) for entry in AuditEntry.objects.values())


@unhurried
@given(
    stream=st.permutations(range(256)).map(bytes),  # where text repeats itself nobody can tell where it was left
    known=st.integers(0, 256),
    gap=st.integers(0, 100),
    came=st.integers(0, 200),
    logged=st.integers(0, 300),
)
def test_what_was_missed_is_found(stream: bytes, known: int, gap: int, came: int, logged: int) -> None:
    """Known, then a gap, then live; the log ends anywhere after the gap."""
    connected = min(len(stream), known + gap)
    live = stream[connected : connected + came]
    recorded = stream[: connected + logged]
    if not live:
        recorded = recorded[:connected]
    assert stream[:known] + missing(stream[:known], recorded, live) + live == stream[: connected + len(live)]


@pytest.mark.parametrize(
    ("known", "recorded", "live", "found"),
    [
        (b"", b"", b"", b""),
        (b"", b"boot\n", b"", b"boot\n"),
        (b"boot\n", b"boot\n", b"", b""),
        (b"boot\n", b"boot\nlogin: ", b"", b"login: "),
        (b"boot\n", b"boot\nlogin: ro", b"root", b"login: "),
        (b"boot\n", b"boot\nlogin: root\r\nPass", b"root\r\n", b"login: "),
        (b"boot\n", b"", b"live", b""),
        (b"of another life", b"boot\nlogin: ", b"", b"boot\nlogin: "),
    ],
)
def test_what_was_missed(known: bytes, recorded: bytes, live: bytes, found: bytes) -> None:
    assert missing(known, recorded, live) == found

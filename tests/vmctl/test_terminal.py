"""The console on a terminal: raw both ways, and the terminal as it was at every end, without a server."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.server import Server, ServerConnection, serve

from tests.hosts import wait_until
from tests.vmctl.conftest import ROOT

PROGRAM = """
import sys
from websockets.sync.client import connect
from vmctl import terminal
connection = connect(sys.argv[1], compression=None, proxy=None)
why = terminal.attach(connection, 0, 1)
sys.exit(9 if why else 0)
"""


class Guest:
    """A server that echoes in capitals, says what it heard, and hangs up when asked."""

    def __init__(self) -> None:
        self.heard = b""
        self.server: Server = serve(self.talk, "127.0.0.1", 0, compression=None)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.socket.getsockname()[1]}"

    def talk(self, connection: ServerConnection) -> None:
        connection.send(b"\x1b[31mhello\r\n")
        for message in connection:
            assert isinstance(message, bytes)
            self.heard += message
            if b"bye" in self.heard:
                return
            connection.send(message.upper())


class Person:
    """Somebody at a terminal."""

    def __init__(self, guest: Guest) -> None:
        self.keyboard, self.end = pty.openpty()
        self.before = termios.tcgetattr(self.end)
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, guest.url], stdin=self.end, stdout=self.end, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        try:
            while data := os.read(self.keyboard, 4096):
                self.seen += data
        except OSError:
            return

    def type(self, text: bytes) -> None:
        os.write(self.keyboard, text)

    def sees(self, text: bytes) -> None:
        wait_until(lambda: text in self.seen, seconds=30, what=f"{text!r}")

    def left(self) -> int:
        code = self.process.wait(30)
        assert termios.tcgetattr(self.end) == self.before
        return code


@pytest.fixture
def guest() -> Iterator[Guest]:
    made = Guest()
    yield made
    made.server.shutdown()


@pytest.fixture
def person(guest: Guest) -> Iterator[Person]:
    made = Person(guest)
    made.sees(b"hello")
    yield made
    made.process.kill()
    os.close(made.keyboard)
    os.close(made.end)


def test_every_key_goes_to_the_guest_and_ctrl_bracket_leaves(guest: Guest, person: Person) -> None:
    person.type(b"a\x03\x1a\x04\r\xe3\x81\x82")
    person.sees(b"A\x03\x1a\x04\r\xe3\x81\x82")
    person.type(b"last\x1dnever")
    assert person.left() == 0
    wait_until(lambda: guest.heard.endswith(b"last"), seconds=10, what="the last keys")
    assert b"\x1b[?1049l" in person.seen and b"\x1b[0m" in person.seen


def test_the_guest_hangs_up(person: Person) -> None:
    person.type(b"bye")
    assert person.left() == 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_ended_from_outside_leaves_a_usable_terminal(person: Person, number: signal.Signals) -> None:
    person.process.send_signal(number)
    assert person.left() == 128 + number

"""The serial console on this terminal: raw mode, both ways at once, and back to how it was whatever happens.

A serial line has no window size, so ours stays ours: nothing is sent when the window changes.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from vmctl.errors import usage
from vmctl.words import _

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

LEAVE = b"\x1d"  # Ctrl+], as telnet, virsh and virtctl have it
PIECE = 4096
# What a guest may have switched on that a shell would suffer from: alternate screen, mouse, hidden cursor, colours.
BACK_TO_NORMAL = b"\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[0m\r\n"


def need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise usage(_("A console needs a terminal."), _("For what was printed so far: vmctl logs NAME."))


@contextmanager
def raw(descriptor: int) -> Iterator[None]:
    before = termios.tcgetattr(descriptor)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)  # being ended from outside must not leave the terminal raw either
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def attach(connection: ClientConnection, keyboard: int, screen: int) -> str:
    """Until somebody leaves or the server hangs up; why it hung up, empty when it was the person."""
    ended_out, ended_in = os.pipe()
    reader = threading.Thread(target=_print, args=(connection, screen, ended_in), daemon=True)
    with raw(keyboard):
        try:
            reader.start()
            left = _type(connection, keyboard, ended_out)
        finally:
            connection.close()
            reader.join(5)
            write_all(screen, BACK_TO_NORMAL)
            os.close(ended_out)
            os.close(ended_in)
    return "" if left else reason(connection)


def _print(connection: ClientConnection, screen: int, ended: int) -> None:
    from websockets.exceptions import ConnectionClosed

    try:
        for message in connection:
            if isinstance(message, bytes):
                write_all(screen, message)
    except (ConnectionClosed, OSError):
        return
    finally:
        os.write(ended, b".")


def _type(connection: ClientConnection, keyboard: int, ended: int) -> bool:
    """Send what is typed; True when Ctrl+] was, False when the other side ended it."""
    from websockets.exceptions import ConnectionClosed

    while True:
        ready, _write, _error = select.select([keyboard, ended], [], [])
        if ended in ready:
            return False
        typed = os.read(keyboard, PIECE)
        before, left, _after = typed.partition(LEAVE)
        if before:
            try:
                connection.send(before)
            except ConnectionClosed:
                return False
        if left or not typed:
            return True


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def reason(connection: ClientConnection) -> str:
    closed = connection.protocol.close_reason or ""
    return closed or _("The server closed the console.")

"""Guests that are a listening socket: what QEMU is for the gateway."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

GREETING = b"RFB 003.008\n"


class ListeningGuest:
    """Listens at `path`; every connection is served by `serve` in a thread. Keeps what it was sent."""

    def __init__(self, path: Path, serve: Callable[[socket.socket], None] | None = None) -> None:
        self.path = path
        self.heard = b""
        self.connections: list[socket.socket] = []
        self._serve = serve or self.listen
        self._came = threading.Event()
        path.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()

    def say(self, data: bytes) -> None:
        assert self._came.wait(10), "nobody connected"  # who connects knows it before we accepted
        self.connections[-1].sendall(data)

    def listen(self, connection: socket.socket) -> None:
        while data := connection.recv(65536):
            self.heard += data

    def power_off(self) -> None:
        """As when QEMU exits: the name goes and every connection ends."""
        self.path.unlink(missing_ok=True)
        self._server.close()
        for connection in self.connections:
            hang_up(connection)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections.append(connection)
            self._came.set()
            threading.Thread(target=self._served, args=(connection,), daemon=True).start()

    def _served(self, connection: socket.socket) -> None:
        try:
            self._serve(connection)
        except OSError:
            return


def hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def greet(connection: socket.socket) -> None:
    """As a VNC server does, and listens."""
    connection.sendall(GREETING)
    while connection.recv(65536):
        continue


def flood(total: int, piece: bytes = bytes(65536)) -> Callable[[socket.socket], None]:
    """Says `total` bytes as fast as it may, hearing nothing."""

    def say(connection: socket.socket) -> None:
        left = total
        while left > 0:
            connection.sendall(piece[:left])
            left -= len(piece)

    return say


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)

"""Guests that are a listening socket: what QEMU is for the gateway."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self


class ListeningGuest:
    """Listens at `path`; every connection is served by `serve` in a thread. Keeps what it was sent."""

    def __init__(self, path: Path, serve: Callable[[socket.socket], None] | None = None) -> None:
        self.path = path
        self.heard = b""
        self.connections: list[socket.socket] = []
        self._serve = serve or self.listen
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
        self.connections[-1].sendall(data)

    def listen(self, connection: socket.socket) -> None:
        while data := connection.recv(65536):
            self.heard += data

    def power_off(self) -> None:
        """As when QEMU exits: the name goes and every connection ends."""
        self.path.unlink(missing_ok=True)
        self._server.close()
        for connection in self.connections:
            with_silence(connection)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._served, args=(connection,), daemon=True).start()

    def _served(self, connection: socket.socket) -> None:
        try:
            self._serve(connection)
        except OSError:
            return


def with_silence(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)

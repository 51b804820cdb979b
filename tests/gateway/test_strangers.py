"""Connections of people who were never let in: slow, many, endless."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import httpx
import pytest

from tests.gateway.conftest import Browser, Machine, Server
from tests.gateway.guests import GREETING, ListeningGuest, greet

MIB = 2**20


def knock(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
def test_head_that_never_ends_has_ten_seconds(said: bytes, server: Server) -> None:
    with knock(server) as slow:
        slow.sendall(said)
        begun = time.monotonic()
        assert hung_up(slow)
        assert 5 < time.monotonic() - begun < 15


def test_second_request_has_no_more(server: Server) -> None:
    with knock(server) as slow:
        slow.sendall(b"GET /no-such-page HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 404 " in slow.recv(65536).split(b"\r\n")[0]
        slow.sendall(b"GET / HTTP/1.1\r\nX: ")
        slow.settimeout(15)
        while slow.recv(65536):
            continue


@pytest.mark.parametrize("piece", [b"x" * 8000, b"X: y\r\n" * 1000])
def test_head_without_end(piece: bytes, server: Server) -> None:
    before = server.memory()
    with knock(server) as flood:
        flood.sendall(b"GET / HTTP/1.1\r\nX: ")
        with pytest.raises(OSError):
            pour(flood, piece)
    assert server.memory() - before < 4 * MIB


def pour(connection: socket.socket, piece: bytes) -> None:
    for _ in range(200 * MIB // len(piece)):
        connection.sendall(piece)


def test_three_hundred_that_say_nothing_are_in_nobodys_way(carol: Browser, machine: Machine) -> None:
    with ExitStack() as silent, ListeningGuest(machine.vnc, greet):
        for _ in range(300):
            silent.enter_context(knock(carol.server)).sendall(b"GET /feed HTTP/1.1\r\nUpgrade: websocket\r\n")
        assert httpx.get(f"{carol.server.origin}/no-such-page").status_code == 404
        with carol.console(machine) as opened:
            assert opened.recv(timeout=5) == GREETING

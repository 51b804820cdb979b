"""Both ends of a console for benches: a guest on a Unix socket, and a browser on a TCP socket.

Raw sockets and hand-made frames, so that what is measured is what stands between them. Run as
`python -m scripts.benches._traffic guest PATH MODE` it is the guest.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = 64 * 1024
KEY = b"\x11\x22\x33\x44"
HELLO = b"RFB 003.008\n\x01\x01"  # what a viewer says first, to a screen without a password
POINTER = b"\x05\x00\x01\x02\x03\x04"
QUESTION = struct.Struct("!BBd")  # "what changed?", with the time where its rectangle stands


def masked_frame(payload: bytes, opcode: int = 2) -> bytes:
    """A client's frame, at most 64 KiB long."""
    size = len(payload)
    head = struct.pack("!BB", 0x80 | opcode, 0x80 | size) if size < 126 else struct.pack(
        "!BBH", 0x80 | opcode, 0x80 | 126, size
    )  # fmt: skip
    key = int.from_bytes((KEY * (size // 4 + 1))[:size], "big")
    return head + KEY + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


@dataclass(frozen=True)
class Door:
    """Where a websocket is opened, and what has to be said first. Each who comes takes the next of the paths."""

    port: int
    paths: list[str] = field(default_factory=lambda: ["/"])
    origin: str = ""
    cookie: str = ""
    tickets: list[str] = field(default_factory=list)

    def request(self) -> bytes:
        lines = [
            f"GET {self.paths.pop() if len(self.paths) > 1 else self.paths[0]} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: binary",
        ]
        lines += [f"Origin: {self.origin}"] if self.origin else []
        lines += [f"Cookie: {self.cookie}"] if self.cookie else []
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def first(self) -> bytes:
        return masked_frame(json.dumps({"ticket": self.tickets.pop()}).encode(), 1) if self.tickets else b""

    def open(self) -> socket.socket:
        """A connected websocket, handshake done, ticket sent."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(self.request())
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = connection.recv(1)
            if not part:
                raise RuntimeError(f"refused: {answer!r}")
            answer += part
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"refused: {answer!r}")
        connection.sendall(self.first() + masked_frame(HELLO))
        return connection


def take(connection: socket.socket, count: int, chatter_every: float = 0.0) -> None:
    """Read `count` bytes and throw them away, saying something small now and then as a mouse does."""
    buffer, got, due = bytearray(1024 * 1024), 0, time.monotonic()
    mouse = masked_frame(POINTER)
    while got < count:
        size = connection.recv_into(buffer)
        if not size:
            raise RuntimeError(f"ended after {got} bytes")
        got += size
        if chatter_every and time.monotonic() >= due:
            connection.sendall(mouse)
            due += chatter_every


@dataclass
class Echoes:
    """What came back of what many browsers said."""

    sent: int = 0
    received: int = 0
    delays: list[float] = field(default_factory=list)


async def chat(door: Door, browsers: int, per_second: float, seconds: float) -> Echoes:
    """Many browsers move the pointer and ask what changed, 16 bytes now and then, and wait for their echo."""
    echoes = Echoes()
    streams = [await _joined(door) for _ in range(browsers)]
    begin = asyncio.get_running_loop().time() + 0.5
    talks = [
        _talk(reader, writer, begin + i / browsers / per_second, per_second, seconds, echoes)
        for i, (reader, writer) in enumerate(streams)
    ]
    await asyncio.gather(*talks)
    for _, writer in streams:
        writer.close()
    return echoes


async def _joined(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = await asyncio.to_thread(door.open)
    connection.setblocking(False)
    return await asyncio.open_connection(sock=connection)


async def _talk(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    begin: float,
    per_second: float,
    seconds: float,
    echoes: Echoes,
) -> None:
    loop = asyncio.get_running_loop()

    async def listen() -> None:
        while True:
            head = await reader.readexactly(2)
            size = head[1] & 127
            if size == 126:
                (size,) = struct.unpack("!H", await reader.readexactly(2))
            payload = await reader.readexactly(size)
            for at in range(0, size - 15, 16):
                _, _, said = QUESTION.unpack_from(payload, at + len(POINTER))
                echoes.received += 1
                echoes.delays.append(loop.time() - said)

    listening = asyncio.ensure_future(listen())
    for turn in range(int(per_second * seconds)):
        await asyncio.sleep(max(0.0, begin + turn / per_second - loop.time()))
        writer.write(masked_frame(POINTER + QUESTION.pack(3, 1, loop.time())))
        echoes.sent += 1
    await asyncio.sleep(1.0)
    listening.cancel()


class GuestSide(asyncio.Protocol):
    """`echo` says back; a number floods so many bytes in pieces of `CHUNK` and reads what it is told."""

    def __init__(self, mode: str, chunk: int) -> None:
        self.mode = mode
        self.left = 0 if mode == "echo" else int(mode)
        self.chunk = bytes(chunk)
        self.full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        asyncio.get_running_loop().call_later(0.2, self.flood)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.flood()

    def flood(self) -> None:
        while self.left > 0 and not self.full:
            self.left -= len(self.chunk)
            self.transport.write(self.chunk)

    def data_received(self, data: bytes) -> None:
        if self.mode == "echo":
            self.transport.write(data)


async def guest(path: Path, mode: str, chunk: int) -> None:
    server = await asyncio.get_running_loop().create_unix_server(lambda: GuestSide(mode, chunk), str(path))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    _, _, where, how, *size = sys.argv
    uvloop.run(guest(Path(where), how, int(size[0]) if size else CHUNK))

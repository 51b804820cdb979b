"""A screenshot that is a real PNG: text-like lines in the machine's own colour, changing with time."""

from __future__ import annotations

import struct
import zlib

from vmconsole.runtime.fake.records import Machine, fraction

_WIDTH, _HEIGHT, _LINE = 640, 400, 16


def picture_of(machine: Machine, now: float) -> bytes:
    uid = machine.spec.uid
    colour = bytes(int(96 + 159 * fraction(uid, name)) for name in ("red", "green", "blue"))
    uptime = max(0, int((now - machine.started_at) / 2))
    lines = min(_HEIGHT // _LINE, 3 + uptime)
    return png(_WIDTH, _HEIGHT, b"".join(_row(uid.int + uptime, y, lines, colour) for y in range(_HEIGHT)))


def _row(seed: int, y: int, lines: int, colour: bytes) -> bytes:
    line, within = divmod(y, _LINE)
    if line >= lines or not 4 <= within < 12:
        return bytes(1 + 3 * _WIDTH)
    letters = (seed * (line + 1)) % 60 + 8
    text = b"".join((colour * 6 + bytes(6)) if (seed >> (letter % 90)) & 1 else bytes(24) for letter in range(letters))
    return b"\0" + text[: 3 * _WIDTH].ljust(3 * _WIDTH, b"\0")


def png(width: int, height: int, rows: bytes) -> bytes:
    """`rows` are 8-bit RGB, each led by its filter byte."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

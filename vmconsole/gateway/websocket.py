"""Uvicorn's websocket protocol with a short way for the frames that consoles are made of.

Uvicorn copies every outgoing byte three times and sends each incoming frame through a generic parser. Here plain whole
frames go straight between the transport and the application; everything else (handshake, fragments, pings, closing,
errors) is handed to uvicorn frame by frame. Frames are taken in only when the application asks: what waits is raw
bytes, never a queue of a hundred thousand tiny messages.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.speedups import apply_mask

HELD: Final = 64 * 1024  # unread bytes from which on the browser has to wait
JOINED: Final = 4 * 1024  # below, one copy is cheaper than a second buffer
FRAGMENTS: Final = 64  # of one message; browsers split large ones, nobody splits keystrokes
GRACE: Final = 12.0  # seconds for the last bytes after the application is done; then the line is cut

FIN_TEXT, FIN_BINARY = 0x81, 0x82
MASKED: Final = 0x80


class LeanWebSocket(WebSocketsSansIOProtocol):
    """Depends on uvicorn's internals; its version is pinned, and tests/gateway run every path over real sockets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inbox = b""
        self._fragments = 0
        self._cut: asyncio.TimerHandle | None = None

    # --- from the browser -------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:
            super().data_received(data)
            return
        self._inbox = self._inbox + data if self._inbox else data
        if self.handshake_complete:
            self._next_message()
        if len(self._inbox) >= HELD and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    async def receive(self) -> Any:
        if self.handshake_complete:
            self._next_message()
        if self.read_paused and len(self._inbox) < HELD and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()
        return await self.queue.get()

    def connection_lost(self, exc: Exception | None) -> None:
        while self._inbox and self._next_frame():  # what was said before hanging up
            continue
        self._inbox = b""
        if self._cut is not None:
            self._cut.cancel()
        super().connection_lost(exc)

    def _next_message(self) -> None:
        """Take in frames until there is a message for the application, or the rest is not here yet."""
        while self._inbox and (self.close_sent or self.queue.empty()) and self._next_frame():
            continue

    def _next_frame(self) -> bool:
        """Take in one frame; False when it is not all here."""
        inbox = self._inbox
        there = len(inbox)
        if there < 2:
            return False
        size, start = inbox[1] & 0x7F, 6
        if size >= 126:
            width = 2 if size == 126 else 8
            start += width
            if there < 2 + width:
                return False
            size = int.from_bytes(inbox[2 : 2 + width], "big")
        if size > self.config.ws_max_size or not inbox[1] & MASKED:
            self._inbox = b""
            super().data_received(inbox[:start])  # refused by its head alone
            return True
        end = start + size
        if there < end:
            return False
        self._inbox = inbox[end:]
        if inbox[0] in {FIN_TEXT, FIN_BINARY} and not self._fragments:
            self._take(inbox[0], apply_mask(inbox[start:end], inbox[start - 4 : start]))
        else:
            self._take_unusual(inbox[:end])
        return True

    def _take(self, kind: int, payload: bytes) -> None:
        if self.close_sent:
            return
        if kind == FIN_BINARY:
            self.queue.put_nowait({"type": "websocket.receive", "bytes": payload})
            return
        try:
            self.queue.put_nowait({"type": "websocket.receive", "text": payload.decode()})
        except UnicodeDecodeError:
            self.conn.fail(1007, "not UTF-8")
            self.handle_parser_exception()

    def _take_unusual(self, frame: bytes) -> None:
        """A fragment or a control frame, for uvicorn. Too many fragments are a way to fill our memory."""
        if not frame[0] & 0x08:
            self._fragments = 0 if frame[0] & 0x80 else self._fragments + 1
        if self._fragments > FRAGMENTS:
            self._inbox = b""
            self.conn.fail(1009, "too many fragments")
            self.handle_parser_exception()
            return
        super().data_received(frame)

    # --- to the browser ---------------------------------------------------------------------------------------------

    async def send(self, message: Any) -> None:
        data = message.get("bytes")
        if data is None or not self.handshake_complete or self.close_sent or message["type"] != "websocket.send":
            await super().send(message)
            return
        if not self.writable.is_set():
            await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        head = head_of(len(data))
        if len(data) < JOINED:
            self.transport.write(head + data)
        else:
            self.transport.writelines((head, data))
        if not self.writable.is_set():
            await self.writable.wait()  # now rather than next time: nothing is held for a browser that does not read

    # --- the end ----------------------------------------------------------------------------------------------------

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """A browser that does not read would keep its connection for ever."""
        super().on_task_complete(task)
        if not self.disconnected:
            self._cut = self.loop.call_later(GRACE, self.transport.abort)


def head_of(size: int) -> bytes:
    """Of a whole binary frame from a server."""
    if size < 126:
        return bytes((FIN_BINARY, size))
    if size < 65_536:
        return b"\x82\x7e" + size.to_bytes(2, "big")
    return b"\x82\x7f" + size.to_bytes(8, "big")

"""Bytes between one browser and one guest, as fast as the slower of the two takes them.

Plain ASGI, and small, so that it can move to a process of its own. Nothing piles up: while the browser does not read,
the guest's socket is not read; while the guest does not read, the browser's is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

from vmconsole.gateway.wire import BAD_MESSAGE, OFF, TOO_BIG, Close, Message, Receive, Refusal, Send

FRAME = 64 * 1024  # most a browser may send at once
HELD = 64 * 1024  # most that waits between the two, plus one read of the event loop
SMALL = 16 * 1024
BREATH = 0.001  # seconds

Filter = Callable[[bytes], bytes]
Hear = Callable[[str], Awaitable[None]]
Side = Callable[[], Awaitable["Close | None"]]


@dataclass(slots=True)
class Meter:
    """Bytes since the start: up from the browser, down from the guest."""

    up: int = 0
    down: int = 0


class Guest(asyncio.Protocol):
    """The guest's end: a stream that is read only when somebody takes from it.

    A protocol instead of asyncio's streams, which copy every byte twice.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._held = 0
        self._paused = False
        self._ended = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._held += len(data)
        if self._held >= HELD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._news.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._news.set()
        self._room.set()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    async def read(self) -> bytes:
        """Everything that is there; waits for something; empty at the end."""
        while not self._chunks:
            if self._ended:
                return b""
            self._news.clear()
            await self._news.wait()
        return self.take()

    def take(self) -> bytes:
        """Everything that is there now."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        if self._paused and not self._ended and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        if self._ended or self._transport is None:
            return
        self._transport.write(data)
        if not self._room.is_set():
            await self._room.wait()

    def say(self, data: bytes) -> None:
        """A few bytes that cannot wait."""
        if data and not self._ended and self._transport is not None:
            self._transport.write(data)

    @property
    def is_full(self) -> bool:
        """It has not taken what it was sent before."""
        return not self._room.is_set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def relay(
    receive: Receive,
    send: Send,
    guest: Guest,
    over: asyncio.Future[Close],
    meter: Meter,
    up: Filter | None = None,
    *,
    hear: Hear | None = None,
    beside: Sequence[Side] = (),
) -> Close | None:
    """Copy both ways until somebody hangs up or `over` says so. None: the browser left. `up` may drop or change.

    Text is not for the guest: `hear` takes it. What else is said to the browser is said `beside`.
    """

    clock = asyncio.get_running_loop().time

    async def upward() -> Close | None:
        while (message := await receive())["type"] == "websocket.receive":
            if hear is not None and "text" in message:
                await hear(message["text"])
                continue
            data = frame_of(message)
            meter.up += len(data)
            if passed := up(data) if up else data:
                await guest.write(passed)
        return None

    async def downward() -> Close | None:
        last = 0.0
        while data := await guest.read():
            await send({"type": "websocket.send", "bytes": data})
            meter.down += len(data)
            if len(data) < SMALL and clock() - last < BREATH:
                await asyncio.sleep(BREATH)  # drops of a flood: gather them
            last = clock()
        return Close(OFF, "The machine's screen went away.")

    return await first_to_end(upward(), downward(), over, *(side() for side in beside))


async def first_to_end(*sides: Awaitable[Close | None]) -> Close | None:
    """How the first side ended; the others are stopped. A refusal that one raised is its end."""
    tasks = [asyncio.ensure_future(side) for side in sides]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    except Refusal as refusal:
        return refusal.close
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def frame_of(message: Message) -> bytes:
    """The bytes of a browser's message, if it may be one."""
    data = message.get("bytes")
    if not isinstance(data, bytes):
        raise Refusal(BAD_MESSAGE, "Only binary messages are expected here.")
    if len(data) > FRAME:
        raise Refusal(TOO_BIG, "That message is too large.")
    return data

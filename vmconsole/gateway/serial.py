"""One connection to each serial port, shared by everybody who looks at it.

QEMU takes one client on the port. So the web process keeps a hub per machine: it reads all the time, so that the guest
never waits for a browser; keeps the last 256 KiB for those who come later; and waits for the port to come back after
the machine was restarted. It starts from the recorded log and ends with its last viewer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import msgspec
from django.conf import settings

from vmconsole.gateway.pipe import Guest, Hear, Side, first_to_end, frame_of
from vmconsole.gateway.replay import SEEN
from vmconsole.gateway.sessions import Session
from vmconsole.gateway.sockets import PATIENCE, connect_unix
from vmconsole.gateway.wire import FAILED, NOT_FOUND, OFF, Close, Receive, Refusal, Send

log = logging.getLogger(__name__)

REPLAY = SEEN
QUEUE = 256 * 1024  # bytes that wait for one viewer, before it is told that it missed some
RETRY_FIRST, RETRY_MOST = 0.2, 2.0  # seconds
MARK = 1024  # bytes by which a place in the output is known again
TYPED_WITHIN = 5.0  # seconds; a browser that is held back longer would be taken for dead
SETTLE = 0.05  # seconds in which virtlogd writes what the guest printed before we were connected
LAST_LINE = 1024  # bytes of the unfinished line that a program is shown at first: the prompt that waits
QUESTIONS = re.compile(rb"\x1b\[[?>=0-9;]*[nc]")  # a terminal would answer them into the guest's keyboard
SKIPPED = "\r\n\x1b[7m %d bytes skipped: this browser was too slow \x1b[0m\r\n"


class Viewer:
    """One browser at the port, and what still has to be sent to it. A program gets plain bytes only."""

    def __init__(self, replay: bytes, *, plain: bool = False) -> None:
        self.plain = plain
        self.left: asyncio.Future[Close] = asyncio.get_running_loop().create_future()
        self._chunks: deque[bytes] = deque([replay] if replay else [])
        self._size = len(replay)
        self._skipped = 0
        self._state: bytes | None = None
        self._news = asyncio.Event()
        self._news.set()

    def show(self, data: bytes) -> None:
        """Never waits: what does not fit is dropped and counted."""
        if self._skipped or self._size + len(data) > QUEUE + REPLAY:
            self._skipped += len(data)
        else:
            self._chunks.append(data)
            self._size += len(data)
        self._news.set()

    def tell(self, state: bytes) -> None:
        if not self.plain:
            self._state = state
            self._news.set()

    def hang_up(self) -> None:
        """The port went away: a browser waits for it, a program is told so by the end of its connection."""
        if self.plain and not self.left.done():
            self.left.set_result(Close(OFF, "The machine's serial port went away."))

    async def send_all(self, send: Send, session: Session) -> Close | None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._state is not None:
                state, self._state = self._state, None
                await send({"type": "websocket.send", "text": state.decode()})
            while self._chunks:
                data = b"".join(self._chunks)
                self._chunks.clear()
                await send({"type": "websocket.send", "bytes": data})
                session.meter.down += len(data)
                self._size = sum(map(len, self._chunks))
            if self._skipped:
                notice, self._skipped = SKIPPED % self._skipped, 0
                await send({"type": "websocket.send", "bytes": notice.encode()})


class Hub:
    """The port of one machine."""

    def __init__(self, socket_path: Path, log_path: Path) -> None:
        self._socket_path = socket_path
        self._log_path = log_path
        self._ring = bytearray()
        self._guest: Guest | None = None
        self._viewers: set[Viewer] = set()
        self.attending = 0  # viewers, and those about to become one
        self._seeded = asyncio.Event()
        self.live = asyncio.Event()
        self._work = asyncio.create_task(self._run())

    async def join(self, *, plain: bool = False) -> Viewer:
        await self._seeded.wait()
        viewer = Viewer(waiting_line(self._ring) if plain else bytes(self._ring), plain=plain)
        self._viewers.add(viewer)
        self._tell()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        self._tell()

    async def type(self, data: bytes) -> None:
        """Keys from one of the viewers. They are lost when nobody is there, or when the guest does not take them."""
        if self._guest is None or self._guest.is_full:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(TYPED_WITHIN):
                await self._guest.write(data)

    async def end(self) -> None:
        self._work.cancel()
        await asyncio.gather(self._work, return_exceptions=True)

    async def _run(self) -> None:
        delay = 0.0
        self._ring += await asyncio.to_thread(tail_of, self._log_path)
        self._seeded.set()
        while True:
            try:
                self._guest = await connect_unix(self._socket_path)
            except Refusal as refusal:
                if refusal.close.code == FAILED and not delay:
                    log.warning("A serial port cannot be opened: %s", refusal.close.reason)
                delay = min(RETRY_MOST, delay * 2 or RETRY_FIRST)
                await asyncio.sleep(delay)
                continue
            try:
                delay = 0.0
                self.live.set()
                self._tell()
                await self._follow(self._guest)
            finally:
                self._guest.close()
                self._guest = None
                self.live.clear()
            self._tell()
            for viewer in self._viewers:
                viewer.hang_up()

    async def _follow(self, guest: Guest) -> None:
        """Fill in what was printed while we were not connected, then show what comes until the port goes away."""
        await asyncio.sleep(SETTLE)
        recorded = await asyncio.to_thread(tail_of, self._log_path)
        live = guest.take()
        self._show(missing(bytes(self._ring), recorded, live))
        self._show(live)
        while data := await guest.read():
            self._show(data)

    def _show(self, data: bytes) -> None:
        if not data:
            return
        self._ring += data
        del self._ring[:-REPLAY]
        for viewer in self._viewers:
            viewer.show(data)

    def _tell(self) -> None:
        state = {"state": "live" if self._guest else "waiting", "viewers": len(self._viewers)}
        for viewer in self._viewers:
            viewer.tell(msgspec.json.encode(state))


class Hubs:
    """The hubs of this process, by machine."""

    def __init__(self) -> None:
        self._hubs: dict[UUID, Hub] = {}

    async def attend(
        self,
        session: Session,
        receive: Receive,
        send: Send,
        begin: Callable[[], Awaitable[None]] | None = None,
        *,
        hear: Hear,
        beside: Sequence[Side] = (),
    ) -> Close | None:
        """Let one browser take part until it leaves, or the session is over.

        A program says how it wants to `begin`: that is done once the port is there, and it gets plain bytes.
        """
        if not session.target.has_serial:
            raise Refusal(NOT_FOUND, "This machine has no serial port that can be opened here.")
        hub = self._hub(session)
        hub.attending += 1
        try:
            if begin is not None:
                await _connected(hub)
                await begin()
            viewer = await hub.join(plain=begin is not None)
            return await self._seated(hub, viewer, session, receive, send, hear, beside)
        finally:
            hub.attending -= 1
            if not hub.attending:
                del self._hubs[session.uid]
                await hub.end()

    async def _seated(
        self,
        hub: Hub,
        viewer: Viewer,
        session: Session,
        receive: Receive,
        send: Send,
        hear: Hear,
        beside: Sequence[Side],
    ) -> Close | None:
        async def upward() -> Close | None:
            while (message := await receive())["type"] == "websocket.receive":
                if "text" in message:
                    await hear(message["text"])
                    continue
                data = frame_of(message)
                session.meter.up += len(data)
                if session.writable:
                    await hub.type(data)
            return None

        try:
            more = (side() for side in beside)
            return await first_to_end(upward(), viewer.send_all(send, session), session.over, viewer.left, *more)
        finally:
            hub.leave(viewer)

    def _hub(self, session: Session) -> Hub:
        if session.uid not in self._hubs:
            target = session.target
            usual = settings.CONSOLE_DIR / f"{session.uid}.serial", settings.SERIAL_DIR / f"{session.uid}.log"
            self._hubs[session.uid] = Hub(
                Path(target.serial_socket) if target.serial_socket else usual[0],
                Path(target.serial_log) if target.serial_log else usual[1],
            )
        return self._hubs[session.uid]


hubs = Hubs()


async def _connected(hub: Hub) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await hub.live.wait()
    except TimeoutError:
        raise Refusal(OFF, "The machine's serial port does not answer.") from None


def waiting_line(shown: bytes | bytearray) -> bytes:
    """The unfinished line at the end: “login: ”, say, which nobody prints again for who comes later."""
    return QUESTIONS.sub(b"", bytes(shown[-LAST_LINE:]).rpartition(b"\n")[2])


def tail_of(path: Path, most: int = REPLAY) -> bytes:
    """The last bytes of the recorded log, over its newest rotation."""
    newest = _end_of(path, most)
    return _end_of(path.with_name(f"{path.name}.0"), most - len(newest)) + newest


def _end_of(path: Path, most: int) -> bytes:
    if most <= 0:
        return b""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""  # nothing was recorded, or it is not for us
    try:
        return os.pread(file, most, max(0, os.fstat(file).st_size - most))
    finally:
        os.close(file)


def missing(known: bytes, recorded: bytes, live: bytes) -> bytes:
    """What was printed after `known` and before `live`, according to the recorded log.

    The log may end before, within or after what came live. Where the text repeats itself there is no telling, and
    no harm.
    """
    before = recorded[: _start_of(live, recorded)]
    mark = known[-MARK:]
    found = before.rfind(mark) if mark else -len(mark)
    return before if found < 0 else before[found + len(mark) :]


def _start_of(live: bytes, recorded: bytes) -> int:
    """Where `live` begins in the log; the log's end when it does not reach that far."""
    end = len(recorded)
    key = live[:MARK]
    at = recorded.find(key) if key else -1
    while at >= 0:
        if live.startswith(recorded[at:]) or recorded.startswith(live, at):
            return at
        at = recorded.find(key, at + 1)
    return next((end - size for size in range(len(key), 0, -1) if recorded.endswith(key[:size])), end)

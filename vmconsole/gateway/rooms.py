"""Who is at a machine's screen or serial port, and who of them drives.

One room for each, in the memory of the one web process. Browsers hear of it in text messages on the websocket of
their console, so a message has the very rights of the session it came with; programs are told nothing, but are seen.
A room with one person in it says nothing at all. At a serial port everybody may type.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from datetime import datetime
from itertools import count
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils import timezone

from vmconsole.gateway import control, sessions
from vmconsole.gateway.models import Kind
from vmconsole.gateway.people import in_thread
from vmconsole.gateway.pipe import Guest
from vmconsole.gateway.rfb import Gate
from vmconsole.gateway.sessions import Session
from vmconsole.gateway.wire import BAD_MESSAGE, Refusal, Send

log = logging.getLogger(__name__)

PACE: Final = 0.2  # seconds between two messages to one browser, and between two changes of control
LOOK_EVERY: Final = 1.0  # seconds between two looks whether the driver went idle
KEPT_SECONDS: Final = 5.0  # for a driver whose connection broke, or who loads the page again
LONGEST: Final = 256  # characters of what a browser says about control

_ids = count(1)


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What a browser may say beside the guest's bytes."""

    act: Literal["ask", "take", "give", "refuse"]
    to: int = 0


class Member:
    """One session in a room."""

    def __init__(self, session: Session, guest: Guest | None, *, program: bool) -> None:
        self.id = next(_ids)
        self.session = session
        self.program = program
        self.since: datetime = timezone.now()
        self.asks = False
        self.gate = Gate(drives=False)
        self.news = asyncio.Event()
        self._guest = guest

    @property
    def user_id(self) -> int:
        return self.session.user_id

    @property
    def writable(self) -> bool:
        return self.session.writable

    @property
    def is_admin(self) -> bool:
        return self.session.is_admin

    def give(self) -> None:
        self.asks = False
        self.gate.give()

    def take(self) -> None:
        """Let go of keys that are down: the next one to drive does not know them."""
        released = self.gate.take()
        if self._guest is not None:
            self._guest.say(released)


class Room:
    """The people at one screen or port, in order of arrival."""

    def __init__(self, kind: str) -> None:
        self.members: list[Member] = []
        self.driver: Member | None = None
        self.idle = False
        self._has_control = kind == Kind.VNC
        self._kept_for: int | None = None
        self._inherits: asyncio.TimerHandle | None = None
        self._looks: asyncio.TimerHandle | None = None
        self._moving = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def join(self, session: Session, guest: Guest | None, *, program: bool) -> Member:
        member = Member(session, guest, program=program)
        self.members.append(member)
        if self._has_control:
            if control.drives_on_arrival(member, self.driver, self._kept_for):
                self._set(member)
            if program:
                member.gate.tried = lambda: self._tried(member)
            if len(self.members) > 1 and self._looks is None:
                self._look()
        if len(self.members) > 1:
            self._tell()
        return member

    def leave(self, member: Member) -> None:
        self.members.remove(member)
        if member is self.driver:
            self.driver = None
            if self.members:
                self._kept_for = member.user_id
                later = asyncio.get_running_loop().call_later
                self._inherits = later(KEPT_SECONDS, self._inherit, member)
        self._tell()
        if not self.members:
            self._end()

    async def hear(self, member: Member, text: str) -> None:
        """What a browser says: wishes about control, and nothing else."""
        try:
            wish = msgspec.json.decode(text[:LONGEST], type=Wish)
        except msgspec.MsgspecError:
            raise Refusal(BAD_MESSAGE, "Only binary messages and wishes about control are expected here.") from None
        if not self._has_control:
            return
        other = next((each for each in self.members if each.id == wish.to), None)
        if wish.act == "ask" and member.writable and member is not self.driver:
            if control.may_take(member, self.driver, idle=self.idle):
                await self._take(member)
            else:
                member.asks = True
        elif wish.act == "take":
            await self._take(member)
        elif wish.act == "give" and member is self.driver and other is not None and other.writable:
            await self._move(other, by=member, how="given")
        elif wish.act == "refuse" and member is self.driver and other is not None:
            other.asks = False
        self._tell()

    def said_to(self, member: Member) -> str:
        """Everything about the room, as one member sees it."""
        said: dict[str, Any] = {
            "people": [
                {
                    "id": each.id,
                    "name": each.session.actor.name,
                    "since": each.since.isoformat(),
                    "drives": each is self.driver or (not self._has_control and each.writable),
                    "asks": each.asks,
                    "looks": not each.writable,
                    "program": each.program,
                }
                for each in self.members
            ],
            "you": member.id,
            "idle": self.idle,
            "may_take": self._has_control and control.may_take(member, self.driver, idle=self.idle),
        }
        return msgspec.json.encode(said).decode()

    # --- control ----------------------------------------------------------------------------------------------------

    async def _take(self, member: Member) -> None:
        how = control.how_taken(member, self.driver, idle=self.idle)
        await self._move(member, by=member, how=how)

    async def _move(self, to: Member, *, by: Member, how: str) -> None:
        """First the audit, then the keyboard. Judged when it is its turn: control may have moved meanwhile."""
        async with self._moving:
            was = self.driver
            allowed = by is was if how == "given" else control.may_take(to, was, idle=self.idle)
            if not allowed or to not in self.members or to is was:
                return
            await in_thread(sessions.control_moved, to.session, was.session if was else None, by.session, how)
            if to in self.members:
                self._set(to)
                self._tell()
            await asyncio.sleep(PACE)

    def _set(self, member: Member) -> None:
        if self.driver is not None:
            self.driver.take()
        if self._inherits is not None:
            self._inherits.cancel()
        self._kept_for = self._inherits = None
        self.driver = member
        self.idle = False
        member.give()

    def _inherit(self, gone: Member) -> None:
        """Who drove is not coming back."""
        self._kept_for = None
        after = control.heir(self.members)
        if after is not None and self.driver is None:
            self._start(self._move(after, by=gone, how="left"))

    def _tried(self, member: Member) -> None:
        """A program cannot ask for control: typing is its way to."""
        if control.may_take(member, self.driver, idle=self.idle):
            if not self._moving.locked():
                self._start(self._take(member))
        elif not member.asks:
            member.asks = True
            self._tell()

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        with suppress(asyncio.CancelledError):
            if task.exception() is not None:
                log.error("Control of a screen could not be moved.", exc_info=task.exception())

    def _look(self) -> None:
        driver = self.driver
        idle = driver is not None and time.monotonic() - driver.gate.acted > settings.CONTROL_IDLE_SECONDS
        if idle != self.idle:
            self.idle = idle
            self._tell()
        alone = len(self.members) < 2
        self._looks = None if alone else asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def _tell(self) -> None:
        for member in self.members:
            member.news.set()

    def _end(self) -> None:
        for timer in (self._inherits, self._looks):
            if timer is not None:
                timer.cancel()
        self._inherits = self._looks = None


class Rooms:
    """The rooms of this process, by machine and kind."""

    def __init__(self) -> None:
        self._rooms: dict[tuple[UUID, str], Room] = {}

    def join(self, session: Session, guest: Guest | None, *, program: bool) -> tuple[Room, Member]:
        room = self._rooms.setdefault((session.uid, session.kind), Room(session.kind))
        return room, room.join(session, guest, program=program)

    def leave(self, room: Room, member: Member) -> None:
        room.leave(member)
        session = member.session
        if not room.members:
            self._rooms.pop((session.uid, session.kind), None)


rooms = Rooms()


async def tell(room: Room, member: Member, send: Send) -> None:
    """Say each change to one browser. One that does not read is told the newest state when it does."""
    while True:
        await member.news.wait()
        member.news.clear()
        await send({"type": "websocket.send", "text": room.said_to(member)})
        await asyncio.sleep(PACE)

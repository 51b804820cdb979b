"""The websocket `/console/<uid>/<kind>`: a ticket first, then bytes.

Plain ASGI: through a Channels consumer every mouse movement would cost a database thread. Order matters: accept, take
the ticket, judge, take a seat, reach the guest, write the audit entry, and only then let the first byte pass.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import UUID

import msgspec
from django.conf import settings

from vmconsole.gateway import sessions
from vmconsole.gateway.models import Kind
from vmconsole.gateway.people import in_thread
from vmconsole.gateway.pipe import Guest, relay
from vmconsole.gateway.rooms import rooms, tell
from vmconsole.gateway.serial import hubs
from vmconsole.gateway.sessions import Session, seats
from vmconsole.gateway.sockets import connect_local_port, connect_unix
from vmconsole.gateway.watch import watch
from vmconsole.gateway.wire import (
    BAD_MESSAGE,
    FAILED,
    NO_TICKET,
    NOT_FOUND,
    OFF,
    TOO_LONG,
    TOO_MANY,
    Close,
    Receive,
    Refusal,
    Scope,
    Send,
)

log = logging.getLogger(__name__)

Begin = Callable[[], Awaitable[None]]

TICKET_WITHIN = 5.0  # seconds
LONGEST_LIFE = 12 * 3600.0
MOST_WAITING = 256  # connections without a ticket yet
FIRST_MESSAGE = 512  # characters


class First(msgspec.Struct, forbid_unknown_fields=True):
    """The first message of the browser."""

    ticket: str


class Waiting:
    """How many are connected that nobody knows yet."""

    count = 0


async def console(scope: Scope, receive: Receive, send: Send) -> None:
    """One browser at one console, from the handshake to the close code."""
    await receive()  # websocket.connect
    binary = "binary" if "binary" in scope.get("subprotocols", ()) else None
    await send({"type": "websocket.accept", "subprotocol": binary})
    kwargs = scope["url_route"]["kwargs"]
    close = await _served(scope, receive, send, kwargs["uid"], kwargs["kind"])
    if close is not None:
        with suppress(TimeoutError, OSError):  # a browser that does not read does not hear why either
            async with asyncio.timeout(2):
                await send({"type": "websocket.close", "code": close.code, "reason": close.reason})


async def check(_scope: Scope, receive: Receive, send: Send) -> None:
    """Says one message back, and knows nothing: a page finds out whether websockets come through to here."""
    await receive()
    await send({"type": "websocket.accept"})
    close = Close(1000)
    try:
        text = await _first_text(receive)
        if text is None:
            return
        await send({"type": "websocket.send", "text": text[:FIRST_MESSAGE]})
    except Refusal as refusal:
        close = refusal.close
    with suppress(OSError):
        await send({"type": "websocket.close", "code": close.code, "reason": close.reason})


async def nowhere(_scope: Scope, receive: Receive, send: Send) -> None:
    """Every other websocket."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": NOT_FOUND, "reason": "There is nothing here."})


async def _served(scope: Scope, receive: Receive, send: Send, uid: UUID, kind: str) -> Close | None:
    if kind not in Kind.values:
        return Close(NOT_FOUND, "There is no such console.")
    try:
        ticket = await _ticket(receive)
        if ticket is None:
            return None
        session = await in_thread(sessions.admit, scope, ticket, uid, kind, asyncio.get_running_loop())
        seats.take(session)
    except Refusal as refusal:
        return refusal.close
    except Exception:
        log.exception("A console could not be opened.")
        return Close(FAILED, "The console could not be opened.")
    try:
        return await opened(session, receive, send)
    finally:
        seats.leave(session)


async def _ticket(receive: Receive) -> str | None:
    """The ticket in the first message; None when the browser left instead."""
    text = await _first_text(receive)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text[:FIRST_MESSAGE], type=First).ticket
    except msgspec.MsgspecError:
        raise Refusal(BAD_MESSAGE, "The first message must be a ticket.") from None


async def _first_text(receive: Receive) -> str | None:
    """The first message, empty when it is none of text; None when the browser left instead."""
    if Waiting.count >= MOST_WAITING:
        raise Refusal(TOO_MANY, "Too many consoles are being opened. Try again.")
    Waiting.count += 1
    try:
        async with asyncio.timeout(TICKET_WITHIN):
            message = await receive()
    except TimeoutError:
        raise Refusal(NO_TICKET, "No ticket came.") from None
    finally:
        Waiting.count -= 1
    if message["type"] != "websocket.receive":
        return None
    return message.get("text") or ""


async def opened(session: Session, receive: Receive, send: Send, begin: Begin | None = None) -> Close | None:
    """Reach the guest, write the start, carry bytes, write the end.

    A program says how it wants to `begin`; a refusal before that is its to answer.
    """
    close: Close | None = Close(FAILED, "The console failed.")
    guest: Guest | None = None

    async def begun() -> None:
        await in_thread(sessions.started, session)
        if begin is not None:
            await begin()

    try:
        if session.kind == Kind.VNC:
            guest = await _screen(session)
            await begun()
        elif begin is None:
            await begun()
        close = await _carried(session, receive, send, guest, begun if begin is not None else None)
    except Refusal as refusal:
        if begin is not None and session.row is None:
            raise
        close = refusal.close
    except asyncio.CancelledError:
        close = Close(1012, "The console is being restarted.")
        raise
    except Exception:
        log.exception("A console failed.")
    finally:
        if guest is not None:
            guest.close()
        await asyncio.shield(_written_down(session, close))
    return close


async def _carried(
    session: Session, receive: Receive, send: Send, guest: Guest | None, begin: Begin | None
) -> Close | None:
    timer = asyncio.get_running_loop().call_later(
        LONGEST_LIFE, session.end, Close(TOO_LONG, "This console was open for twelve hours. Open it again.")
    )
    watch.add(session)
    room, member = rooms.join(session, guest, program=begin is not None)
    beside = () if begin is not None else (partial(tell, room, member, send),)
    hear = partial(room.hear, member)
    try:
        if guest is None:
            return await hubs.attend(session, receive, send, begin, hear=hear, beside=beside)
        up = member.gate
        return await relay(receive, send, guest, session.over, session.meter, up, hear=hear, beside=beside)
    finally:
        rooms.leave(room, member)
        watch.drop(session)
        timer.cancel()


async def _screen(session: Session) -> Guest:
    target = session.target
    if not target.has_screen:
        raise Refusal(NOT_FOUND, "This machine has no screen that can be opened here.")
    if target.vnc_port:
        if not target.running:  # its port may be another machine's by now; a socket's name is never used again
            raise Refusal(OFF, "The machine is off.")
        return await connect_local_port(target.vnc_port)
    path = Path(target.vnc_socket) if target.vnc_socket else settings.CONSOLE_DIR / f"{session.uid}.vnc"
    return await connect_unix(path)


async def _written_down(session: Session, close: Close | None) -> None:
    try:
        await in_thread(sessions.ended, session, close)
    except Exception:
        log.exception("The end of a console could not be written down; the next start of the web process does it.")

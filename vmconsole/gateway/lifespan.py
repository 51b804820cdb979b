"""What runs in the web process besides answering: the outbox tail, the figures, and the watch over open sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from observability import changes
from observability.models import Change
from vmconsole.gateway import pulse, sessions
from vmconsole.gateway.feed import feeds
from vmconsole.gateway.glances import glances
from vmconsole.gateway.people import in_thread
from vmconsole.gateway.samples import samples
from vmconsole.gateway.tail import Tail
from vmconsole.gateway.watch import watch
from vmconsole.gateway.wire import Receive, Scope, Send

log = logging.getLogger(__name__)

Listener = tuple[Callable[[Sequence[Change]], None], Callable[[int], None]]
listeners: list[Listener] = [(feeds.deliver, feeds.restart)]  # changes, and that the database went back; in the loop
leaving: list[Callable[[], None]] = []  # told in the loop that we go down, before connections are waited for


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    """A database that is not there yet keeps nothing from starting."""
    loop = asyncio.get_running_loop()
    try:
        await in_thread(sessions.end_lost)
        feeds.last = await in_thread(changes.latest)
    except Exception:
        log.exception("Consoles that were open before could not be closed in the audit.")
    tail = Tail(
        lambda found: [loop.call_soon_threadsafe(deliver, found) for deliver, _ in listeners],
        lambda newest: [loop.call_soon_threadsafe(restart, newest) for _, restart in listeners],
    )
    tail.start()
    tasks = [asyncio.create_task(work) for work in (watch.run(), samples.run(), glances.run(), pulse.run())]
    try:
        yield
    finally:
        tail.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(tail.join, 2)


async def lifespan(_scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI's start and stop."""
    await receive()
    async with running():
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})

"""`manage.py controller`: watches the runtime, keeps statistics, looks at everything now and then."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand

from inventory import targets
from inventory.watching import Watcher
from observability import vitals
from observability.collector import Collector
from observability.door import BadRequest, serve
from vmconsole.runtime import connect
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.errors import RuntimeFault


class Command(BaseCommand):
    help = "Watches the runtime, collects statistics, and looks at everything every 30 s. Runs until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        runtime = connect.only()  # here, once: a look at the figures must not wait for the database
        asyncio.run(control(Path(settings.CONTROLLER_SOCKET), partial(connect.connect, runtime)))


async def control(socket_path: Path, connected: Callable[[], RuntimeConnection]) -> None:
    """Statistics on the event loop, the database on a thread of its own. Ends when either ends, or on SIGTERM."""
    asking_to_stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, asking_to_stop.set)
    stopped = threading.Event()
    watching = asyncio.create_task(asyncio.to_thread(Watcher(stopped.is_set).run))
    collector = Collector(connected, targets.names)
    serving = asyncio.create_task(serve(collector, socket_path, own=vitals.text, picture=partial(picture, connected)))
    stopping = asyncio.create_task(asking_to_stop.wait())
    ended, _open = await asyncio.wait({watching, serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopped.set()
    serving.cancel()
    await asyncio.gather(serving, watching, return_exceptions=True)
    for task in ended - {stopping}:
        task.result()


def picture(connected: Callable[[], RuntimeConnection], uid: UUID) -> bytes:
    """A machine's screen now, for the web process, which has no runtime."""
    try:
        return connected().machines.screenshot(uid)
    except RuntimeFault as fault:
        raise BadRequest(fault.public) from fault

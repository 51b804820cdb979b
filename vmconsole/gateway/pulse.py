"""Whether what pages show is still looked at, and what is asked still done: told to every page that is open.

A page's own line may live while the process that looks at machines is gone; "live" over figures of an hour ago would
be a lie. So the signs of life that the other processes leave in the database are read here, once for all pages.
"""

from __future__ import annotations

import asyncio
import logging

from observability import vitals
from vmconsole.gateway.feed import Feeds, feeds
from vmconsole.gateway.people import in_thread

log = logging.getLogger(__name__)

EVERY = 5.0  # seconds
PROCESSES = ("controller", "worker")


async def run(pages: Feeds = feeds) -> None:
    while True:
        try:
            pages.tell_silent(await in_thread(vitals.silent, PROCESSES))
        except Exception:  # the database is away: pages learn that by what they ask it for
            log.exception("Signs of life could not be read.")
        await asyncio.sleep(EVERY)

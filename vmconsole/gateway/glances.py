"""Small figures beside the rows of lists: asked of the controller once in ten seconds for every row of every page.

Nobody is looked at for them: the controller tells what it has seen anyway. `samples` would have every machine of
every list looked at every two seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from itertools import islice

import httpx
import msgspec

from observability.glances import MOST_STEPS, STEP, Glances
from vmconsole.gateway.feed import Feeds, Subscriber, feeds
from vmconsole.gateway.samples import http

log = logging.getLogger(__name__)

AT_ONCE = 1000  # as many as the controller answers in one question
LATE = 1.0  # seconds after the time of a figure in which the look that it is from may still be under way


class GlancePump:
    """From the controller to the pages."""

    def __init__(self, pages: Feeds) -> None:
        self._pages = pages
        self._at = 0
        self._silent = False

    async def begin(self, subscriber: Subscriber, uids: Iterable[str]) -> None:
        """A page shows these rows from now on: their last minutes, for it alone."""
        for some in batches(uids):
            try:
                told = await ask(some, MOST_STEPS)
            except (httpx.HTTPError, msgspec.MsgspecError):
                return
            subscriber.hear_glances(told.at, told.step, told.lines)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(STEP - (time.time() - LATE) % STEP)
            try:
                await self._round(self._pages.wanted_glances())
                self._silent = False
            except (httpx.HTTPError, msgspec.MsgspecError) as error:
                if not self._silent:
                    log.warning("The controller does not tell figures: %s", error)
                self._silent = True

    async def _round(self, uids: set[str]) -> None:
        """All steps since the last round; a page that has some of them draws the same again."""
        now = int(time.time())
        steps = (now - self._at) // STEP + 1
        for some in batches(sorted(uids)):
            told = await ask(some, min(steps, MOST_STEPS))
            self._pages.deliver_glances(told.at, told.step, told.lines)
        self._at = now - now % STEP


def batches(uids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(uids)
    while some := list(islice(rest, AT_ONCE)):
        yield some


async def ask(uids: list[str], steps: int) -> Glances:
    answer = await http().post("/glances", json={"uids": uids, "steps": steps})
    answer.raise_for_status()
    return msgspec.json.decode(answer.content, type=Glances)


glances = GlancePump(feeds)

"""Live figures for charts: asked of the controller once for everybody who looks, every two seconds.

The web process has no hypervisor; the controller keeps the last hour and has a small HTTP door on a Unix socket. When
it does not answer charts stand still, and nothing else does.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from typing import Any

import httpx
import msgspec
from django.conf import settings

from vmconsole.gateway.feed import Feeds, Subscriber, feeds

log = logging.getLogger(__name__)

EVERY = 2.0
PATIENCE = 2.0
HISTORY = 600.0  # seconds a chart starts with


class Answer(msgspec.Struct):
    """Of /samples. Points are passed on as they came."""

    points: list[dict[str, float | None]]


class Samples:
    """The pump from the controller to the pages."""

    def __init__(self, pages: Feeds) -> None:
        self._pages = pages
        self._since: dict[str, float] = {}
        self._silent = False

    async def begin(self, subscriber: Subscriber, uid: str) -> None:
        """A page opened a chart: what is known of the last minutes, for it alone; more follows for all."""
        try:
            await self._watch([uid])
            history = await self._ask(uid, 0.0)
        except (httpx.HTTPError, msgspec.MsgspecError):
            return
        if history:
            begin = float(history[-1]["at"] or 0) - HISTORY
            subscriber.hear_samples(uid, [point for point in history if (point["at"] or 0) >= begin])
            self._since.setdefault(uid, float(history[-1]["at"] or 0))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            wanted = self._pages.wanted_samples()
            self._since = {uid: since for uid, since in self._since.items() if uid in wanted}
            if not wanted:
                continue
            try:
                await self._round(sorted(wanted))
                self._silent = False
            except (httpx.HTTPError, msgspec.MsgspecError) as error:
                if not self._silent:
                    log.warning("The controller does not tell figures: %s", error)
                self._silent = True

    async def _round(self, uids: list[str]) -> None:
        await self._watch(uids)
        for uid in uids:
            points = await self._ask(uid, self._since.get(uid, 0.0))
            if points:
                self._since[uid] = float(points[-1]["at"] or 0)
                self._pages.deliver_samples(uid, points)

    async def _watch(self, uids: list[str]) -> None:
        (await http().post("/watch", json={"uids": uids})).raise_for_status()

    async def _ask(self, uid: str, since: float) -> list[dict[str, Any]]:
        answer = await http().get("/samples", params={"uid": uid, "since": since})
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=Answer).points


@cache
def http() -> httpx.AsyncClient:
    """The one line to the controller of this process."""
    transport = httpx.AsyncHTTPTransport(uds=str(settings.CONTROLLER_SOCKET))
    return httpx.AsyncClient(transport=transport, base_url="http://controller", timeout=PATIENCE)


samples = Samples(feeds)

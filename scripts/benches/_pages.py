"""Open pages without a browser: each does on the feed, and asks for again, what a list of fifty rows does."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import websockets

from scripts.benches._processes import wait

if TYPE_CHECKING:
    from tests.visitors import Visitor


class Pages:
    """So many of them, in a thread of their own."""

    def __init__(self, url: str, visitor: Visitor, shown: Sequence[str], count: int) -> None:
        self.url = url.rstrip("/")
        self.cookie = "; ".join(f"{each.name}={each.value}" for each in visitor.http.cookies.jar)
        self.shown = frozenset(shown)
        self.count = count
        self.subscribed = 0
        self.rows = 0  # asked for again
        self.glances = 0
        self.failed: Exception | None = None
        self.loop = asyncio.new_event_loop()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._all())
        except asyncio.CancelledError:
            return
        except (OSError, httpx.HTTPError, websockets.WebSocketException) as error:
            self.failed = error

    async def _all(self) -> None:
        limits = httpx.Limits(max_connections=6 * self.count, max_keepalive_connections=6 * self.count)
        async with httpx.AsyncClient(headers={"Cookie": self.cookie}, limits=limits, timeout=60) as http:
            await asyncio.gather(*(self._one(http) for _ in range(self.count)))

    async def _one(self, http: httpx.AsyncClient) -> None:
        topics = ["Operation", "VirtualMachine", *(f"glance/{uid}" for uid in self.shown)]
        async with websockets.connect(
            f"{self.url.replace('http', 'ws', 1)}/feed", origin=self.url, proxy=None,  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookie}, max_size=None,
        ) as feed:  # fmt: skip
            await feed.send(json.dumps({"subscribe": topics}))
            async for text in feed:
                await self._heard(http, json.loads(text))

    async def _heard(self, http: httpx.AsyncClient, message: dict[str, Any]) -> None:
        self.subscribed += message["type"] == "subscribed"
        self.glances += message["type"] == "glances"
        if message["type"] == "changed" and message["uid"] in self.shown:
            headers = {"HX-Request": "true", "HX-Target": f"row-{message['uid']}"}
            (await http.get(f"{self.url}/vms/rows/{message['uid']}", headers=headers)).raise_for_status()
            self.rows += 1


@contextmanager
def open_pages(url: str, visitor: Visitor, shown: Sequence[str], count: int) -> Iterator[Pages]:
    pages = Pages(url, visitor, shown, count)
    thread = threading.Thread(target=pages.run, daemon=True)
    if count:
        thread.start()
        wait(lambda: pages.subscribed == count, lambda: pages.failed is None)
    try:
        yield pages
    finally:
        if count:
            pages.loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(pages.loop)])
            thread.join(20)
    if pages.failed is not None:
        raise pages.failed

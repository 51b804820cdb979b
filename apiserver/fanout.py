"""Changes of one kind, read and written out once, however many follow them.

A stream holds the last changes of its kind as finished bytes; a follower is a place in it and nothing more. Who falls
behind what is held, or comes from further back, reads the outbox itself from there: nothing is ever dropped, and
nothing waits in memory for a client that does not read.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from itertools import islice

from apiserver.kinds import Kind
from apiserver.news import News, read
from observability.models import Change
from vmconsole.gateway.people import in_thread

log = logging.getLogger(__name__)

HELD = 2_000  # changes
HELD_BYTES = 16 << 20
BATCH = 500
AGAIN = 1.0  # seconds, after the database did not answer


class Stream:
    """One kind. Complete from `start` (exclusive) to `head` (inclusive); awake while somebody follows."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.followers: set[Follower] = set()
        self.start = self.head = 0
        self.dresses: set[str] = set()
        self._held: deque[News] = deque()
        self._bytes = 0
        self._told = 0
        self._epoch = 0  # what was read before everything was forgotten is of no use after it
        self._news = asyncio.Event()
        self._lock = asyncio.Lock()
        self._work: asyncio.Task[None] | None = None

    def join(self, follower: Follower, dress: str, latest: int, told: int) -> None:
        """From now on nothing is missed; what is older is read on the way.

        `told` is how far the tail has come by now: what came since `latest` was asked for was told to nobody.
        """
        if not self.followers or dress not in self.dresses:
            self._forget(latest)
        self.dresses.add(dress)
        self.followers.add(follower)
        if self._work is None:
            self._work = asyncio.create_task(self._follow())
        self.hear(max(latest, told))

    def leave(self, follower: Follower) -> None:
        self.followers.discard(follower)
        if not self.followers and self._work is not None:
            self._work.cancel()
            self._work = None
            self.dresses.clear()
            self._forget(0)

    def hear(self, latest: int, *, ours: bool = True) -> None:
        """In the event loop: the outbox has come this far, with changes of this kind or without."""
        if not ours and self.head == self._told:
            self.head = self._told = max(self._told, latest)
            return
        self._told = max(self._told, latest)
        self._news.set()

    def after(self, place: int) -> Sequence[News]:
        """What is held after this place, in order. Only for places that are not before `start`."""
        if not self._held or self._held[-1].id <= place:
            return ()
        behind = 0
        for news in reversed(self._held):
            if news.id <= place:
                break
            behind += 1
        return list(islice(self._held, len(self._held) - behind, None))

    async def older(self, place: int, dress: str) -> tuple[Sequence[News], int]:
        """The next changes after a place that is no longer held, and the place behind them.

        Many come back from the same place after a restart: the first reads for all of them, where it fits.
        """
        async with self._lock:
            if place >= self.start:
                return (), place
            until, epoch = self.start, self._epoch
            found = await in_thread(_changes, self.kind, place, until, BATCH)
            news = await in_thread(read, self.kind, found, {dress, *self.dresses})
            whole = len(found) < BATCH and len(self._held) + len(found) <= HELD
            if whole and epoch == self._epoch:
                self._held.extendleft(reversed(news))
                self._bytes += sum(one.size for one in news)
                self.start = place
                return (), place
            return news, (until if len(found) < BATCH else found[-1].id)

    async def _follow(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                async with self._lock:
                    await self._advance()
            except Exception:
                log.exception("Changes of %s cannot be read; trying again.", self.kind.plural)
                await asyncio.sleep(AGAIN)
                self._news.set()

    async def _advance(self) -> None:
        while self.head < self._told:
            until, epoch = self._told, self._epoch
            found = await in_thread(_changes, self.kind, self.head, until, BATCH)
            news = await in_thread(read, self.kind, found, set(self.dresses))
            if any(one.what == "ADDED" for one in news) and not self.kind.namespaced:
                await in_thread(_judge, list(self.followers))  # who may see what has just come?
            if epoch != self._epoch:
                continue
            self._held.extend(news)
            self._bytes += sum(one.size for one in news)
            self.head = until if len(found) < BATCH else found[-1].id
            while len(self._held) > HELD or (self._bytes > HELD_BYTES and len(self._held) > 1):
                dropped = self._held.popleft()
                self._bytes -= dropped.size
                self.start = dropped.id
            if news:
                for follower in self.followers:
                    follower.wake()

    def go_back(self, latest: int) -> None:
        """Nothing after this ever was."""
        if self.head > latest:
            self._forget(latest)
        for follower in self.followers:
            if follower.place > latest:
                follower.finish()
            follower.wake()

    def _forget(self, head: int) -> None:
        self._held.clear()
        self._bytes = 0
        self._epoch += 1
        self.start = self.head = self._told = head
        for follower in self.followers:
            follower.wake()  # what was held for them they have to read themselves now


class Follower:
    """What a stream knows of who follows it."""

    place: int

    def wake(self) -> None:
        """In the event loop: there is more."""
        raise NotImplementedError

    def look(self) -> None:
        """In a thread: learn again what may be seen."""
        raise NotImplementedError

    def finish(self) -> None:
        """In the event loop: no more, without a fault."""
        raise NotImplementedError


class Streams:
    """Of all kinds; fed by the tail of the outbox."""

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}
        self.last = 0

    def of(self, kind: Kind) -> Stream:
        if kind.resource not in self._streams:
            self._streams[kind.resource] = Stream(kind)
        return self._streams[kind.resource]

    def deliver(self, found: Sequence[Change]) -> None:
        """In the event loop."""
        self.last, names = found[-1].id, {change.kind for change in found}
        for stream in self._streams.values():
            if stream.followers:
                stream.hear(self.last, ours=stream.kind.change in names)

    def end_all(self) -> None:
        """The server goes down: every client comes again."""
        for stream in self._streams.values():
            for follower in stream.followers:
                follower.finish()

    def restart(self, newest: int) -> None:
        """The database went back to a backup: who has been told of what never was has to list again."""
        self.last = newest
        for stream in self._streams.values():
            stream.go_back(self.last)


def _changes(kind: Kind, after: int, until: int, most: int) -> list[Change]:
    return list(Change.objects.filter(kind=kind.change, id__gt=after, id__lte=until).order_by("id")[:most])


def _judge(followers: list[Follower]) -> None:
    for follower in followers:
        follower.look()


streams = Streams()

"""Who wants to hear of what, and telling them: hints only, never content.

A page that is told "this machine changed" asks a view for it again, so that rights and rendering stay in one place.
Hints of one thing within a fifth of a second become one, and a page that is too far behind is told to refresh: what
waits for a page is bounded by the number of things, not of changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from observability.models import Change
from vmconsole.access.models import User
from vmconsole.access.rights import Right, may, namespaces
from vmconsole.gateway.wire import Close

PACE = 0.2  # seconds between two hints of the same thing
MOST_PENDING = 500
MOST_TOPICS = 500
MOST_GLANCES = 61  # that wait for a page: older ones are no longer drawn
SAMPLES = "samples/"
GLANCES = "glance/"

Tell = Callable[[dict[str, Any]], Awaitable[None]]


class Subscriber:
    """One page: what it wants to hear, what it may hear, and what still has to be said."""

    def __init__(self, session_key: str, tell: Tell, hang_up: Callable[[Close], None]) -> None:
        self.session_key = session_key
        self.token_id: int | None = None  # the token that opened it, when no browser did
        self.topics: frozenset[str] = frozenset()
        self.samples: frozenset[str] = frozenset()
        self.glances: dict[str, str] = {}  # uids, and the namespaces they are in
        self.since = 0
        self._tell = tell
        self._hang_up = hang_up
        self._namespaces: frozenset[str] = frozenset()
        self._cluster = False
        self._pending: dict[tuple[str, str], dict[str, Any]] = {}
        self._points: dict[str, list[Any]] = {}
        self._glances: dict[int, dict[str, Any]] = {}
        self._silent: Mapping[str, str] | None = None
        self._gap = False
        self._news = asyncio.Event()

    def judge(self, user: User) -> Close | None:
        """Learn again what they may hear. Nothing at all is no reason to hang up: roles may be given back."""
        self._namespaces = frozenset(namespaces(user))
        self._cluster = may(user, Right.CLUSTER_VIEW, None)
        return None

    def end(self, close: Close) -> None:
        self._hang_up(close)

    def sees(self, namespace: str) -> bool:
        return namespace in self._namespaces if namespace else self._cluster

    def hear(self, change: Change) -> None:
        if change.kind not in self.topics and f"{change.kind}/{change.uid}" not in self.topics:
            return
        if change.id <= self.since or not self.sees(change.namespace) or self._gap:
            return
        key = (change.kind, change.uid)
        before = self._pending.pop(key, None)
        self._pending[key] = hint(change, before["what"] if before else None)
        if len(self._pending) > MOST_PENDING:
            self.missed()
        self._news.set()

    def hear_samples(self, uid: str, points: list[Any]) -> None:
        self._points.setdefault(uid, []).extend(points)
        self._news.set()

    def hear_glances(self, at: int, step: int, lines: Mapping[str, Any]) -> None:
        """Of all these machines the ones that it shows, and may still see. They travel in one message."""
        mine = {uid: lines[uid] for uid, place in self.glances.items() if uid in lines and self.sees(place)}
        if not mine:
            return
        waiting = self._glances.setdefault(at, {"type": "glances", "at": at, "step": step, "lines": {}})["lines"]
        for uid, line in mine.items():
            if uid not in waiting or len(line[0]) > len(waiting[uid][0]):  # its last minutes end where all else does
                waiting[uid] = line
        for old in sorted(self._glances)[:-MOST_GLANCES]:
            del self._glances[old]
        self._news.set()

    def hear_silent(self, silent: Mapping[str, str]) -> None:
        self._silent = silent
        self._news.set()

    def missed(self) -> None:
        """There is more to say than it is worth: let the page ask for everything again."""
        self._pending.clear()
        self._gap = True
        self._news.set()

    async def run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._gap:
                self._gap = False
                await self._tell({"type": "gap"})
            if self._silent is not None:
                silent, self._silent = self._silent, None
                await self._tell({"type": "pulse", "silent": silent})
            pending, self._pending = self._pending, {}
            for message in pending.values():
                await self._tell(message)
            points, self._points = self._points, {}
            for uid, theirs in points.items():
                await self._tell({"type": "samples", "uid": uid, "points": theirs})
            glances, self._glances = self._glances, {}
            for message in glances.values():
                await self._tell(message)
            await asyncio.sleep(PACE)


def hint(change: Change, earlier: str | None) -> dict[str, Any]:
    """A thing that came and changed within one hint has come."""
    what = "ADDED" if earlier == "ADDED" and change.what == "MODIFIED" else change.what
    return {
        "type": "changed",
        "id": change.id,
        "kind": change.kind,
        "uid": change.uid,
        "namespace": change.namespace,
        "name": change.name,
        "what": what,
    }


class Feeds:
    """Every page that is open."""

    def __init__(self) -> None:
        self.subscribers: set[Subscriber] = set()
        self.last = 0
        self.silent: Mapping[str, str] = {}  # processes that gave no sign of life, and when they last did

    def deliver(self, found: Sequence[Change]) -> None:
        """In the event loop."""
        self.last = found[-1].id
        for subscriber in self.subscribers:
            for change in found:
                subscriber.hear(change)

    def restart(self, newest: int) -> None:
        """Nobody knows what was missed."""
        self.last = newest
        for subscriber in self.subscribers:
            subscriber.since = 0
            subscriber.missed()

    def tell_silent(self, silent: Mapping[str, str]) -> None:
        if silent == self.silent:
            return
        self.silent = silent
        for subscriber in self.subscribers:
            subscriber.hear_silent(silent)

    def wanted_samples(self) -> set[str]:
        return set().union(*(subscriber.samples for subscriber in self.subscribers))

    def deliver_samples(self, uid: str, points: list[Any]) -> None:
        for subscriber in self.subscribers:
            if uid in subscriber.samples:
                subscriber.hear_samples(uid, points)

    def wanted_glances(self) -> set[str]:
        return set().union(*(subscriber.glances for subscriber in self.subscribers))

    def deliver_glances(self, at: int, step: int, lines: Mapping[str, Any]) -> None:
        for subscriber in self.subscribers:
            subscriber.hear_glances(at, step, lines)


class Wishes(NamedTuple):
    """Topics of changes, and the uids of machines whose figures are drawn as charts, or beside rows."""

    changes: frozenset[str]
    samples: frozenset[str]
    glances: frozenset[str]


def split(topics: Iterable[str]) -> Wishes:
    asked = list(topics)[:MOST_TOPICS]
    samples, glances = (
        frozenset(topic.removeprefix(kind) for topic in asked if topic.startswith(kind)) for kind in (SAMPLES, GLANCES)
    )
    return Wishes(frozenset(topic for topic in asked if not topic.startswith((SAMPLES, GLANCES))), samples, glances)


feeds = Feeds()

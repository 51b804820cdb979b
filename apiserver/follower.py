"""One watch: what it wants, what it may see now, and how far it has been told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from apiserver.fanout import Follower
from apiserver.kinds import Kind
from apiserver.lists import Query
from apiserver.matching import Test
from apiserver.news import News
from vmconsole.access import tokens
from vmconsole.access.models import User
from vmconsole.access.rights import Right, everywhere, may, namespaces
from vmconsole.gateway.wire import DENIED, FAILED, SIGNED_OUT, Close

STATUS = {SIGNED_OUT: 401, DENIED: 403, FAILED: 503}


@dataclass(frozen=True, slots=True)
class Reach:
    """Where somebody sees this kind. `None` is everywhere, also in what is still to come."""

    places: frozenset[str] | None
    cluster: bool
    names: frozenset[str] | None = None  # of objects without a namespace, where not all are theirs to see


def reach_of(user: User, kind: Kind) -> Reach:
    places = None if everywhere(user, kind.see) else frozenset(namespaces(user, kind.see))
    cluster = may(user, Right.CLUSTER_VIEW, None)
    if kind.namespaced:
        return Reach(places, cluster)
    known = user.__dict__.setdefault("seen_names", {})  # one person may follow a thousand times
    if kind.resource not in known:
        rows = kind.rows(user)
        known[kind.resource] = frozenset(rows.values_list("name", flat=True)) if rows.query.where else None
    return Reach(places, cluster, known[kind.resource])


@dataclass(eq=False, slots=True)
class Watcher(Follower):
    """A place in a stream. `over` is why it has to end, as a code and a sentence."""

    kind: Kind
    namespace: str
    test: Test | None
    dress: str
    place: int
    seconds: float
    bookmarks: bool
    initial: Query | None
    marked: bool
    token_id: int | None
    reach: Reach
    session_key: str = ""
    over: tuple[int, str] | None = None
    gone: bool = False
    closing: bool = False
    awake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        return self.gone or self.closing or self.over is not None

    def sees(self, news: News) -> bool:
        if not self.kind.namespaced:
            return self.reach.names is None or news.name in self.reach.names
        if self.namespace:
            return news.namespace == self.namespace
        return self.reach.places is None or news.namespace in self.reach.places

    def judge(self, user: User) -> Close | None:
        """May they go on? Who sees more or less than at the start has to list again: a watch tells no past."""
        now = reach_of(user, self.kind)
        if (now.places, now.cluster) != (self.reach.places, self.reach.cluster):
            return Close(DENIED, "What you may see has changed. List again.")
        if now.names is not None and self.reach.names is not None:  # with those that are gone: that is still to tell
            now = Reach(now.places, now.cluster, now.names | self.reach.names)
        self.reach = now
        return None

    def look(self) -> None:
        user = tokens.user_of(self.token_id) if self.token_id is not None else None
        if user is not None:
            self.judge(user)

    def end(self, close: Close) -> None:
        """In the event loop. A right that changed is a 410: clients list again, and hear there what is left to them."""
        self.over = (410 if close.code == DENIED else STATUS.get(close.code, 500), close.reason)
        self.wake()

    def finish(self) -> None:
        """Without a fault: the client comes again."""
        self.closing = True
        self.wake()

    def leave(self) -> None:
        """The client has hung up."""
        self.gone = True
        self.wake()

    def wake(self) -> None:
        self.awake.set()

    async def more(self, until: float) -> None:
        """Sleep until there is something to say, or it is time."""
        timer = asyncio.get_running_loop().call_at(until, self.awake.set)
        try:
            await self.awake.wait()
        finally:
            timer.cancel()

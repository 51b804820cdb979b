"""The websocket `/feed`: a page says what it shows, and is told when that changed.

The client sends {"subscribe": ["VirtualMachine", "Operation/<uid>", "samples/<uid>", "glance/<uid>"]}, each time the
whole list, and may add {"since": <id of the last hint>} after a gap. It gets "hello", "subscribed" (from here on
nothing is missed), "changed", "samples", "glances", "pulse" (which of our processes give no sign of life), and "gap"
when it must ask for everything again.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import DatabaseError
from django.utils import timezone

from observability import changes
from vmconsole.access import tokens
from vmconsole.access.sessions import user_of
from vmconsole.gateway import targets
from vmconsole.gateway.feed import Subscriber, feeds, split
from vmconsole.gateway.glances import glances
from vmconsole.gateway.people import bearer_of, in_thread, session_key_of
from vmconsole.gateway.samples import samples
from vmconsole.gateway.watch import watch
from vmconsole.gateway.wire import BAD_MESSAGE, FAILED, SIGNED_OUT, TOO_MANY, Close

MOST_FEEDS = 2000
MOST_REPLAYED = 1000


class Feed(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """No channel layer: see docs/decisions/0001."""

    channel_layer_alias = "none"
    subscriber: Subscriber | None = None
    speaking: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        if len(feeds.subscribers) >= MOST_FEEDS:
            await self.close(TOO_MANY, "Too many pages are open.")
            return
        subscriber = Subscriber(session_key_of(self.scope), self.send_json, self._hang_up)
        close = await in_thread(_known, subscriber, bearer_of(self.scope))
        if close is not None:
            await self.close(close.code, close.reason)
            return
        self.subscriber = subscriber
        feeds.subscribers.add(subscriber)
        watch.add(subscriber)
        now = timezone.now().isoformat()
        await self.send_json({"type": "hello", "live": True, "time": now, "last": feeds.last, "silent": feeds.silent})
        self.speaking = asyncio.create_task(subscriber.run())

    async def disconnect(self, code: int) -> None:
        if self.subscriber is None:
            return
        feeds.subscribers.discard(self.subscriber)
        watch.drop(self.subscriber)
        if self.speaking is not None:
            self.speaking.cancel()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        topics = content.get("subscribe", []) if isinstance(content, dict) else None
        since = content.get("since") if isinstance(content, dict) else None
        if not isinstance(topics, list) or not all(isinstance(topic, str) and len(topic) <= 128 for topic in topics):
            await self.close(BAD_MESSAGE, "That is not a subscription.")
            return
        if self.subscriber is None:
            return
        before, glanced = self.subscriber.samples, self.subscriber.glances
        wishes = split(topics)
        self.subscriber.topics = wishes.changes
        places = await in_thread(_visible, self.subscriber, wishes.samples | wishes.glances)
        self.subscriber.samples = wishes.samples & places.keys()
        self.subscriber.glances = {uid: places[uid] for uid in wishes.glances & places.keys()}
        await self.send_json({"type": "subscribed", "last": feeds.last})
        if isinstance(since, int) and not isinstance(since, bool):
            await self._replay(self.subscriber, since)
        for uid in self.subscriber.samples - before:
            await samples.begin(self.subscriber, uid)
        await glances.begin(self.subscriber, self.subscriber.glances.keys() - glanced.keys())

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        try:
            return json.loads(text_data)
        except ValueError:
            return None

    async def _replay(self, subscriber: Subscriber, since: int) -> None:
        found = await in_thread(_after, since)
        if found is None:
            subscriber.missed()
            return
        for change in found:
            subscriber.hear(change)
            since = change.id
        subscriber.since = since  # the tail may still be on its way to there

    def _hang_up(self, close: Close) -> None:
        asyncio.get_running_loop().create_task(self.close(close.code, close.reason))


def _known(subscriber: Subscriber, raw: str | None) -> Close | None:
    try:
        user = user_of(subscriber.session_key) if raw is None else tokens.authenticate(raw)
        if user is None:
            return Close(SIGNED_OUT, "Please sign in.")
        subscriber.token_id = user.token.pk if user.token else None
        return subscriber.judge(user)
    except DatabaseError:
        return Close(FAILED, "The console cannot check who you are now.")


def _visible(subscriber: Subscriber, uids: frozenset[str]) -> dict[str, str]:
    """Those of the machines whose figures this page may see, and where they are."""
    found = targets.namespaces_of(uids) if uids else {}
    return {uid: namespace for uid, namespace in found.items() if subscriber.sees(namespace)}


def _after(since: int) -> list[Any] | None:
    """What came after, or None when not all of it is kept or it is too much."""
    if since + 1 < changes.oldest() or since > changes.latest():
        return None
    found = changes.since(since, MOST_REPLAYED + 1)
    return None if len(found) > MOST_REPLAYED else list(found)

"""Everything that lives longer than a request is asked again, every few seconds, whether it still may.

One round for all of them, grouped by session or token, so that 200 consoles of twenty people are twenty questions.
When the database does not answer for a while nobody can be judged, and everything is closed: fail shut, not open.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import Protocol

from vmconsole.access import tokens
from vmconsole.access.models import User
from vmconsole.access.sessions import user_of
from vmconsole.gateway.people import in_thread
from vmconsole.gateway.wire import FAILED, SIGNED_OUT, Close

log = logging.getLogger(__name__)

EVERY = 2.0  # seconds; with the round itself well below the five that are promised
MISSED_ROUNDS = 4


class Watched(Protocol):
    """`token_id` says which token opened it; without one it was the session."""

    @property
    def session_key(self) -> str: ...

    @property
    def token_id(self) -> int | None: ...

    def judge(self, user: User) -> Close | None:
        """In a thread, may use the database: may they go on?"""

    def end(self, close: Close) -> None:
        """In the event loop: they may not."""


class Watch:
    """Holds who is being watched; `run()` watches until cancelled."""

    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._missed = 0

    def add(self, one: Watched) -> None:
        self._watched.add(one)

    def drop(self, one: Watched) -> None:
        self._watched.discard(one)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            if self._watched:
                await self.round()

    async def round(self) -> None:
        try:
            verdicts = await in_thread(_judge_all, list(self._watched))
            self._missed = 0
        except Exception:
            self._missed += 1
            log.exception("Rights of open consoles could not be checked.")
            if self._missed < MISSED_ROUNDS:
                return
            close = Close(FAILED, "Your rights cannot be checked now.")
            verdicts = [(one, close) for one in self._watched]
        for one, close in verdicts:
            if one in self._watched:
                one.end(close)


def _judge_all(watched: list[Watched]) -> list[tuple[Watched, Close]]:
    by_proof: dict[tuple[int | None, str], list[Watched]] = defaultdict(list)
    for one in watched:
        by_proof[one.token_id, one.session_key].append(one)
    verdicts: list[tuple[Watched, Close]] = []
    for (token_id, session_key), theirs in by_proof.items():
        user = user_of(session_key) if token_id is None else tokens.user_of(token_id)
        gone = "You were signed out." if token_id is None else "Your token was revoked, or has expired."
        for one in theirs:
            close = Close(SIGNED_OUT, gone) if user is None else one.judge(user)
            if close is not None:
                verdicts.append((one, close))
    return verdicts


watch = Watch()

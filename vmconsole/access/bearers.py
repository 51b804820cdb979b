"""Who knocks with a token: the header's form, failures in the audit, and an end to guessing.

A failure is written down, so failures are counted per address: whoever fails too often gets 429 and is no longer
written down, or the audit would be theirs to fill. A good token still passes from there: 256 bits are not guessed, and
one broken script must not shut out everybody behind the same address.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import Any

from django.http import HttpRequest

from vmconsole.access import journal, tokens
from vmconsole.access.actors import USER_AGENT_CHARS, Actor, request_id
from vmconsole.access.lockout import address_of
from vmconsole.access.models import Token, User

FAILURES_A_MINUTE = 10
ADDRESSES = 4096  # remembered at once; the oldest go first
WINDOW_SECONDS = 60.0
HEADER_CHARS = 256


class TooManyFailures(Exception):
    """From this address came too many tokens that are none."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"wait {wait:.0f} s")
        self.wait = wait


class Failures:
    """How often an address failed in its minute. One web process runs, so memory is the right place."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = Lock()

    def count(self, address: str) -> None:
        """One more; raises when it is one too many."""
        with self._lock:
            now = time.monotonic()
            began, number = self._counts.pop(address, (now, 0))
            if now - began >= WINDOW_SECONDS:
                began, number = now, 0
            self._counts[address] = (began, min(number + 1, FAILURES_A_MINUTE + 1))
            if len(self._counts) > ADDRESSES:
                self._counts.popitem(last=False)
        if number >= FAILURES_A_MINUTE:
            raise TooManyFailures(began + WINDOW_SECONDS - now)

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()


failures = Failures()


def raw_of(header: str) -> str | None:
    """What a bearer brings; None when nobody came as one. Too long or too many words: a token that is none."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "bearer":
        return None
    raw = rest.strip()
    return raw if len(raw) <= HEADER_CHARS else ""


def admit(request: HttpRequest | Any, raw: str) -> User | None:
    """The person of this token, or None after writing down that somebody tried."""
    token = tokens.find(raw)
    user = tokens.use(token)
    if user is None:
        failed(token, address_of(request), request.META.get("HTTP_USER_AGENT", ""))
    return user


def failed(token: Token | None, address: str, user_agent: str) -> None:
    """Count it and write it down. Of a token that we know, whose it was; of others, nothing that was sent."""
    failures.count(address)
    actor = Actor(
        user_id=token.user.pk if token else None,
        name=token.user.get_username() if token else "unknown",
        auth="token",
        token_id=str(token or ""),
        source=address,
        user_agent=user_agent[:USER_AGENT_CHARS],
        request_id=request_id(),
    )
    journal.record(
        actor,
        "token_use",
        kind="Token",
        uid=str(token.pk) if token else None,
        name=token.name if token else "",
        phase="refused",
        reason=token.fault() if token else "Unknown",
    )

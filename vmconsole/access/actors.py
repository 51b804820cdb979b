"""Who is asking: the subject of every audit entry.

A copy by value, because it outlives the request, and the person's name must stay what it was then.

    from vmconsole.access.actors import Actor, actor_of
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

import structlog

USER_AGENT_CHARS = 200  # enough to tell browsers apart; the header itself may be megabytes


@dataclass(frozen=True)
class Actor:
    """Who asked, how they proved it, and from where. `session_id` is a fingerprint, never the session's key."""

    user_id: int | None
    name: str
    auth: str = "session"  # session | token | system
    token_id: str = ""
    session_id: str = ""
    source: str = ""
    user_agent: str = ""
    request_id: str = ""

    @classmethod
    def system(cls, name: str) -> Self:
        """One of our own processes, acting by itself."""
        return cls(user_id=None, name=f"system:{name}", auth="system", request_id=request_id())


def actor_of(request: Any) -> Actor:
    """The actor of a Django or DRF request."""
    user = request.user
    session = getattr(request, "session", None)
    token = getattr(user, "token", None)  # its row: prints as its prefix and name
    return Actor(
        user_id=user.pk,
        name=user.get_username() or "anonymous",
        auth="token" if token else "session",
        token_id=str(token or ""),
        session_id=fingerprint(getattr(session, "session_key", None)),
        source=request.META.get("REMOTE_ADDR") or "",
        user_agent=request.META.get("HTTP_USER_AGENT", "")[:USER_AGENT_CHARS],
        request_id=request_id(),
    )


def fingerprint(session_key: str | None) -> str:
    """Tells sessions apart in the audit without being able to open one."""
    return sha256(session_key.encode()).hexdigest()[:16] if session_key else ""


def request_id() -> str:
    """The id that django-structlog gave the request we are in, or nothing."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))

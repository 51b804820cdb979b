"""The words of websockets: ASGI's types, and why one was closed.

Free of Django, as the pipe needs them. A browser that is refused before `accept()` learns nothing but "failed" and
tries for ever. So everything except a foreign origin is accepted first and closed with one of these codes. Pages show
`reason`; `RETRY` says which may be tried again with a new ticket.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Close(NamedTuple):
    code: int
    reason: str = ""


TOO_BIG: Final = 1009  # a frame or message larger than we take
BAD_MESSAGE: Final = 4400  # not what this socket expects
SIGNED_OUT: Final = 4401  # no session, or it has ended
DENIED: Final = 4403  # the right was never there, or was taken away
NOT_FOUND: Final = 4404  # no such machine, none that they can see, or it has no such console
NO_TICKET: Final = 4408  # no ticket within five seconds
BAD_TICKET: Final = 4409  # used before, too old, or made for something else: get another
OFF: Final = 4410  # the machine is off, or its screen went away
TOO_LONG: Final = 4419  # open for twelve hours: open it again
TOO_MANY: Final = 4429  # too many consoles are open
FAILED: Final = 4503  # our side cannot do it now: audit, database, or the socket of the machine

RETRY: Final = frozenset({NO_TICKET, BAD_TICKET, OFF, TOO_LONG, FAILED})


class Refusal(Exception):
    """Raised on the way to a session; becomes its close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.close = Close(code, reason)

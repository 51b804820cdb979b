"""What the controller does once a minute: note the end of the audit chain, drop what is too old."""

from __future__ import annotations

from observability import chain, changes, events
from vmconsole.access import lockout, sessions, tokens


def run() -> None:
    chain.checkpoint()
    changes.prune()
    events.prune()
    sessions.prune()
    lockout.prune()
    tokens.prune()

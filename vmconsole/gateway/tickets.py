"""A ticket opens one console, once, within 30 seconds, for the browser session that asked.

Websockets carry cookies from anywhere and URLs end up in logs; so the right is proved by a secret that a page of ours
fetched with its CSRF token, and that travels in the first message.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.utils import timezone

from vmconsole.access.models import User
from vmconsole.gateway.models import ConsoleTicket

LASTS = timedelta(seconds=30)
LONGEST = 64  # characters of a ticket; what is longer is none


def issue(user: User, session_key: str, uid: UUID, namespace: str, kind: str, *, writable: bool) -> str:
    """The ticket itself, told once. The caller has checked the right."""
    now = timezone.now()
    ConsoleTicket.objects.filter(expires_at__lt=now).delete()
    ticket = secrets.token_urlsafe(24)
    ConsoleTicket.objects.create(
        digest=_digest(ticket),
        user_id=user.pk,
        session=_digest(session_key),
        uid=uid,
        namespace=namespace,
        kind=kind,
        writable=writable,
        expires_at=now + LASTS,
    )
    return ticket


def consume(ticket: str, user: User, session_key: str, uid: UUID, kind: str) -> ConsoleTicket | None:
    """Use it up. None when it is unknown, used, too old, or somebody else's. Of many at once, one gets it."""
    if len(ticket) > LONGEST:
        return None
    mine = ConsoleTicket.objects.filter(
        digest=_digest(ticket), user_id=user.pk, session=_digest(session_key), uid=uid, kind=kind
    )
    now = timezone.now()
    won = mine.filter(used_at=None, expires_at__gt=now).update(used_at=now) == 1
    return mine.get() if won else None


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()

"""Reading a serial log is looking into the machine: it is in the audit like a console.

Who follows a log asks every second or two; the audit has one entry for ten minutes of that, not hundreds.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.request import Request

from observability import audit
from vmconsole.access.actors import actor_of

ONE_READING = 600  # seconds that count as one look


def note(request: HttpRequest | Request, uid: UUID, name: str, namespace: str) -> None:
    """Write the entry, if this is a new look. When it cannot be written, the next try is a new look too."""
    key = f"serial-log:{request.user.pk}:{uid}"
    if not cache.add(key, 1, ONE_READING):
        return
    try:
        audit.record(
            actor_of(request), "serial_log", kind="VirtualMachine", uid=uid, name=name, namespace=namespace,
            phase=audit.Phase.SUCCEEDED,
        )  # fmt: skip
    except BaseException:
        cache.delete(key)
        raise


def log_of(uid: UUID, own: str) -> Path:
    """Where it is kept: `own` is what the runtime says of a machine that was made outside."""
    return Path(own) if own else settings.SERIAL_DIR / f"{uid}.log"

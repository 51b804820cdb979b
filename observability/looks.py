"""Reading the audit is in the audit too: once a look, and not once for each page of it or each time it is patched."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest

from observability import audit
from vmconsole.access.actors import actor_of

ONE_LOOK = 600  # seconds that count as one


def note(request: HttpRequest, action: str, what: str, *, extra: Mapping[str, Any], **about: Any) -> None:
    """Write the entry, unless this person looked at just this a moment ago. What cannot be written is not shown."""
    actor = actor_of(request)
    told = f"{actor.user_id} {actor.session_id} {actor.token_id} {action} {what}"
    key = f"look:{sha256(told.encode()).hexdigest()}"
    if not cache.add(key, 1, ONE_LOOK):
        return
    subject = {"kind": "AuditLog", "uid": None, "name": "", "namespace": "", **about}
    try:
        audit.record(actor, action, phase=audit.Phase.SUCCEEDED, extra=extra, **subject)
    except BaseException:
        cache.delete(key)
        raise

"""The audit's hash chain: its end, the seals on it, and finding where it was tampered with.

Three things hold it together. Each entry hashes the one before: a changed, missing or swapped entry shows. The head
row is sealed (HMAC with a key outside the database): a cut-off tail shows. Sealed checkpoints are appended to
`<state>/log/audit-checkpoints.jsonl` by the controller: a database rolled back to an older, consistent state shows.
Ship that file, or the line that `verify_audit` prints, to another host to be safe from whoever owns this one.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.utils.crypto import salted_hmac

from observability import rules
from observability.models import AuditEntry, AuditHead

SALT = "observability.audit"


def end() -> tuple[int, str]:
    """Number and hash of the last entry. The head wins over a table whose tail is gone, so the hole stays a hole."""
    last = AuditEntry.objects.order_by("-id").values_list("id", "hash").first() or (0, rules.GENESIS)
    head = AuditHead.objects.filter(id=1).values_list("entry_id", "hash").first() or (0, rules.GENESIS)
    return max(last, head, key=lambda place: place[0])


def seal(number: int, digest: str) -> str:
    return salted_hmac(SALT, f"{number}:{digest}", algorithm="sha256").hexdigest()


def is_sealed(number: int, digest: str, seal: str) -> bool:
    """Whether the seal is ours, made with this secret key or one before it (SECRET_KEY_FALLBACKS)."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(
        hmac.compare_digest(salted_hmac(SALT, f"{number}:{digest}", key, algorithm="sha256").hexdigest(), seal)
        for key in keys
    )

"""One writer at a time for numbers that must have no gaps and no late arrivals.

On SQLite every transaction of ours is IMMEDIATE, which is that already. On PostgreSQL ids are handed out before
commit, so a reader that goes by id could overtake a slow writer and never see its row; one advisory lock until commit
rules that out. It is one lock for audit and outbox together: two would be taken in either order and deadlock. Keep
transactions short and touch rows before recording.
"""

from __future__ import annotations

from django.db import connection

LOCK = 0x766D6375  # any number, ours


def one_writer() -> None:
    """Wait for our turn; it lasts until this transaction ends."""
    if not connection.in_atomic_block:
        raise RuntimeError("one_writer() means nothing outside a transaction")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])

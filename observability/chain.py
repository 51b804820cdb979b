"""The audit's hash chain: its end, the seals on it, and finding where it was tampered with.

Three things hold it together. Each entry hashes the one before: a changed, missing or swapped entry shows. The head
row is sealed (HMAC with a key outside the database): a cut-off tail shows. Sealed checkpoints are appended to
`<state>/audit/audit-checkpoints.jsonl` by the controller: a database rolled back to an older, consistent state shows.
Ship that file, or the line that `verify_audit` prints, to another host to be safe from whoever owns this one.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from observability import checkpoints, rules
from observability.models import HASHED, AuditEntry, AuditHead

SALT = "observability.audit"
ROWS = 2000
# One statement, asked before every entry. Of two ends the further one counts.
END = """
SELECT n, h FROM (SELECT "entry_id" AS n, "hash" AS h FROM observability_audithead
    UNION ALL SELECT n, h FROM (
        SELECT "id" AS n, "hash" AS h FROM observability_auditentry ORDER BY "id" DESC LIMIT 1) last
) ends ORDER BY n DESC LIMIT 1"""


@dataclass
class Verdict:
    """How far the chain was followed, and the first thing that is wrong with it, if any.

    `fault_id` is the first bad entry; `done` is false when `limit` ended the walk.
    """

    checked: int = 0
    last_id: int = 0
    last_hash: str = rules.GENESIS
    fault: str = ""
    fault_id: int = 0
    done: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        return self.done and not self.fault

    def blame(self, entry: int, sentence: str) -> None:
        if not self.fault:
            self.fault, self.fault_id = sentence, entry


def end() -> tuple[int, str]:
    """Number and hash of the last entry. The head wins over a table whose tail is gone, so the hole stays a hole."""
    with connection.cursor() as cursor:
        cursor.execute(END)
        found: tuple[int, str] | None = cursor.fetchone()
    return found or (0, rules.GENESIS)


def seal(number: int, digest: str) -> str:
    return salted_hmac(SALT, f"{number}:{digest}", algorithm="sha256").hexdigest()


def is_sealed(number: int, digest: str, seal: str) -> bool:
    """Whether the seal is ours, made with this secret key or one before it (SECRET_KEY_FALLBACKS)."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(
        hmac.compare_digest(salted_hmac(SALT, f"{number}:{digest}", key, algorithm="sha256").hexdigest(), seal)
        for key in keys
    )


def verify(after: int = 0, limit: int | None = None) -> Verdict:
    """Follow the chain from entry `after` (itself checked before), at most `limit` entries far."""
    verdict = Verdict(last_id=after)
    if after:
        verdict.last_hash = AuditEntry.objects.filter(id=after).values_list("hash", flat=True).first() or ""
    marks, unreadable = checkpoints.load(is_sealed)
    verdict.notes += unreadable
    newest = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0  # before the head: it moves
    head = AuditHead.objects.filter(id=1).first()
    for row in rows(after, limit):
        check(verdict, row, marks)
        if verdict.fault:
            verdict.done = True
            return verdict
    verdict.done = limit is None or verdict.checked < limit
    if verdict.done:
        check_end(verdict, newest, head, marks)
    return verdict


def rows(after: int, limit: int | None) -> Iterator[tuple[Any, ...]]:
    """Entries in order, as tuples of HASHED and the hash. Page by page, so that no writer waits for us.

    Past the ORM: a million times making a `datetime` of text, to make the same text of it, takes as long as the rest.
    """
    columns = ", ".join(f'"{name}"' for name in [*HASHED, "hash"])
    page_of = f'SELECT {columns} FROM {AuditEntry._meta.db_table} WHERE "id" > %s ORDER BY "id" LIMIT %s'  # noqa: S608, SLF001
    left = limit
    while left is None or left > 0:
        size = ROWS if left is None else min(ROWS, left)
        with connection.cursor() as cursor:
            cursor.execute(page_of, [after, size])
            page = cursor.fetchall()
        yield from page
        if len(page) < size:
            return
        after = page[-1][0]
        left = None if left is None else left - size


AT = HASHED.index("at")
PREVIOUS = HASHED.index("previous")


def moment(stored: datetime | str) -> str:
    """The time of an entry as it was hashed. SQLite keeps text, without a zone and without an empty fraction."""
    if isinstance(stored, str):
        return f"{stored[:10]}T{stored[11:]}{'' if '.' in stored else '.000000'}+00:00"
    return stored.astimezone(UTC).isoformat(timespec="microseconds")


def check(verdict: Verdict, row: tuple[Any, ...], marks: dict[int, str]) -> None:
    """One more entry: is it the next, does it follow from the one before, is it what it was?"""
    number, previous, digest = row[0], row[PREVIOUS], row[-1]
    fields = dict(zip(HASHED, row, strict=False))
    fields["at"] = moment(row[AT])
    if number != verdict.last_id + 1:
        verdict.blame(verdict.last_id + 1, _("Entry %(id)s is missing.") % {"id": verdict.last_id + 1})
    elif rules.digest(fields) != digest:
        verdict.blame(number, _("Entry %(id)s was changed.") % {"id": number})
    elif previous != verdict.last_hash:
        verdict.blame(number, _("Entry %(id)s does not follow from the entry before it.") % {"id": number})
    elif marks.get(number, digest) != digest:
        verdict.blame(number, _("Entry %(id)s is not the one that a checkpoint was made of.") % {"id": number})
    else:
        verdict.checked += 1
        verdict.last_id, verdict.last_hash = number, digest


def check_end(verdict: Verdict, newest: int, head: AuditHead | None, marks: dict[int, str]) -> None:
    """Is this where the chain ends, by its seal and by the checkpoints outside the database?"""
    end_id = verdict.last_id
    if head is None:
        if end_id:
            verdict.blame(end_id, _("The sealed end of the chain is missing."))
    elif not is_sealed(head.entry_id, head.hash, head.seal):
        verdict.blame(end_id, _("The seal on the end of the chain is not ours."))
    elif head.entry_id > end_id:
        verdict.blame(end_id + 1, _("Entries from %(id)s on were cut off.") % {"id": end_id + 1})
    elif newest > head.entry_id:
        verdict.blame(head.entry_id + 1, _("Entry %(id)s was added past the seal.") % {"id": head.entry_id + 1})
    last_mark = max(marks, default=0)
    if last_mark > end_id:
        verdict.blame(
            end_id + 1,
            _("The database was rolled back: a checkpoint knows entry %(mark)s, the log ends at %(id)s.")
            % {"mark": last_mark, "id": end_id},
        )


def checkpoint() -> bool:
    """Note the end of the chain outside the database, when it has moved far or long enough. For the controller."""
    head = AuditHead.objects.filter(id=1).first()
    if head is None or not is_sealed(head.entry_id, head.hash, head.seal):
        return False
    return checkpoints.add(head.entry_id, head.hash, head.seal)

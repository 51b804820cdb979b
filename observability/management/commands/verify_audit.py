"""`manage.py verify_audit`: follow the audit chain and name the first bad entry. Exit code 1 when there is one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from observability import chain


class Command(BaseCommand):
    help = "Check that no audit entry was changed, removed, moved or cut off."

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = chain.verify()
        for note in verdict.notes:
            self.stderr.write(note)
        if verdict.fault:
            raise CommandError(f"{verdict.fault} ({verdict.checked} entries before it are intact.)")
        self.stdout.write(
            f"{verdict.checked} entries are intact. End of the chain: {verdict.last_id} {verdict.last_hash}"
        )

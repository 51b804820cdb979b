"""Seal every secret again with the newest key, so that older keys can be removed from the settings."""

from typing import Any

from django.core.management.base import BaseCommand

from vmconsole.access import secrets


class Command(BaseCommand):
    help = "Seal every stored secret again with the first of the keys in VMCONSOLE_FERNET_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{secrets.reseal_all()} secrets sealed again.")

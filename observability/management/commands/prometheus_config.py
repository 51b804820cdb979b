"""`manage.py prometheus_config 127.0.0.1:8080`: print the configuration of our private Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from observability import prometheus


class Command(BaseCommand):
    help = "Print the configuration of the private Prometheus that scrapes the web process at TARGET."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", help="host:port of the web process")
        parser.add_argument("--tls", action="store_true", help="the web process speaks TLS")

    def handle(self, *args: Any, **options: Any) -> None:
        token = Path(settings.STATE) / "etc" / "metrics.token"
        self.stdout.write(prometheus.config(options["target"], token, tls=options["tls"]), ending="")

"""What `docs/openapi.json` promises, asked of a live server: schemathesis sends what is allowed and what is not.

The server never fails, answers only what the document says, takes nothing that it forbids, and nobody without proof.
As an administrator of the cluster, since for everybody else most doors are closed before anything is read. The same
requests each time: a run says something about the change and not about luck.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from hypothesis import HealthCheck, settings
from pytest_django.live_server_helper import LiveServer
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.access.tokens import token_of
from tests.observability.test_prometheus import Prometheus, prometheus
from tests.world import make_world
from vmconsole.access import bearers

__all__ = ["prometheus"]  # a fixture, found by its name

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/openapi.json"
schema = schemathesis.openapi.from_path(DOCUMENT)

# A document cannot say everything: which names are taken, which namespaces there are, what PromQL is.
NOT_ASKED = [positive_data_acceptance]
# Uploads are begun by forms and headers too, where every number is text.
ALSO_AS_TEXT = {"/api/v1/uploads/"}


@schemathesis.serializer("application/offset+octet-stream")
def part(_context: Any, value: Any) -> bytes:
    """Bytes as they are."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture
def server(
    live_server: LiveServer, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """Where it is, and a token. Wrong tokens are sent on purpose, and are not counted here."""
    monkeypatch.setattr(bearers, "FAILURES_A_MINUTE", 10**9)
    cache.clear()
    yield live_server.url, token_of(make_world().people.erin)[1]
    bearers.failures.clear()


@schema.parametrize()
@settings(max_examples=2, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_what_the_document_says(case: Any, server: tuple[str, str]) -> None:
    where, raw = server
    left_out = [*NOT_ASKED, *([negative_data_rejection] if case.path in ALSO_AS_TEXT else [])]
    case.call_and_validate(base_url=where, headers={"Authorization": f"Bearer {raw}"}, excluded_checks=left_out)

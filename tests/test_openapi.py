"""The committed OpenAPI document is what the views say. When it should change, write it again with

python manage.py spectacular --format openapi-json --fail-on-warn --file docs/openapi.json
"""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.people import client_of, make_people

COMMITTED = Path(__file__).resolve().parent.parent / "docs/openapi.json"


@pytest.fixture(scope="module")
def generated() -> dict[str, Any]:
    """Warnings fail: each is a field whose type nobody said."""
    out = StringIO()
    call_command("spectacular", "--format", "openapi-json", "--validate", "--fail-on-warn", stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def test_the_committed_document_is_current(generated: dict[str, Any]) -> None:
    assert json.loads(COMMITTED.read_text()) == generated


def test_every_operation_says_how_it_refuses(generated: dict[str, Any]) -> None:
    operations = [operation for path in generated["paths"].values() for operation in path.values()]
    assert operations
    assert [each["operationId"] for each in operations if "default" not in each["responses"]] == []


@pytest.mark.django_db
def test_the_document_is_served_to_those_who_are_signed_in(generated: dict[str, Any]) -> None:
    said = client_of(make_people().dave).get("/api/v1/openapi.json")
    assert said.json() == generated
    assert said.json()["openapi"].startswith("3.1")

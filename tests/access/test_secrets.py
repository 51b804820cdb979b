"""Secrets at rest: sealed, rotated, and never in the clear anywhere else."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from pytest_django.fixtures import Settings as SettingsWrapper

from vmconsole.access import secrets
from vmconsole.access.models import Secret

pytestmark = pytest.mark.django_db

CANARY = "canary-4f1c-never-in-the-clear"


def database_text() -> str:
    """Every row of every table, as bytes would lie on the disk."""
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += [str(bytes(cell) if isinstance(cell, memoryview) else cell) for row in cursor for cell in row]
    return "\n".join(rows)


def test_the_canary_is_in_no_table() -> None:
    owner = uuid4()
    secrets.put("a", "web-1-user-data", {"userdata": CANARY}, owner_uid=owner)
    assert secrets.reveal("a", "web-1-user-data") == {"userdata": CANARY}
    assert secrets.reveal("b", "web-1-user-data") is None
    text = database_text()
    assert "web-1-user-data" in text
    assert CANARY not in text
    assert secrets.discard(owner) == 1
    assert not Secret.objects.exists()


def test_putting_again_replaces() -> None:
    secrets.put("a", "one", {"password": "old"})
    secrets.put("a", "one", {"password": "new"})
    assert secrets.reveal("a", "one") == {"password": "new"}
    assert Secret.objects.count() == 1


def test_keys_are_rotated_without_losing_anything(settings: SettingsWrapper) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FERNET_KEY = old
    secrets.put("a", "one", {"password": CANARY})
    settings.FERNET_KEY = f"{new},{old}"
    assert secrets.reveal("a", "one") == {"password": CANARY}
    call_command("rotate_secrets")
    settings.FERNET_KEY = new
    assert secrets.reveal("a", "one") == {"password": CANARY}
    settings.FERNET_KEY = old
    with pytest.raises(secrets.Unreadable, match="VMCONSOLE_FERNET_KEY"):
        secrets.reveal("a", "one")


@pytest.mark.parametrize("key", ["", " , ", "no key at all"])
def test_without_a_key_nothing_is_stored(settings: SettingsWrapper, key: str) -> None:
    settings.FERNET_KEY = key
    with pytest.raises(ImproperlyConfigured, match="VMCONSOLE_FERNET_KEY"):
        secrets.put("a", "one", {"password": CANARY})
    assert not Secret.objects.exists()


def test_sealing_says_nothing_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        secrets.put("a", "one", {"password": CANARY})
        secrets.reveal("a", "one")
    assert CANARY not in caplog.text

"""What every test stands on."""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError
from django.db import connections
from django.test import TransactionTestCase

from observability import triggers
from tests.hosts import demo_image, libvirt_state
from tests.running import admin, console, editor, stranger, viewer

# Fixtures are found here by name.
__all__ = ["admin", "console", "demo_image", "editor", "libvirt_state", "stranger", "viewer"]

TRIES = 5
DATABASE = {"db", "transactional_db", "django_db_reset_sequences", "client", "admin_client"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database-only", action="store_true", help="only tests that need the database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What a test needs says what it is: nobody has to remember a mark. The slow ones come last."""
    for item in items:
        needs = set(getattr(item, "fixturenames", ()))
        if needs & {"console", "pretend"}:
            item.add_marker(pytest.mark.e2e)
        if "libvirt_state" in needs:
            item.add_marker(pytest.mark.libvirt)
    items.sort(key=lambda item: bool(item.get_closest_marker("libvirt")) + 2 * bool(item.get_closest_marker("e2e")))
    if config.getoption("--database-only"):
        kept = [item for item in items if uses_database(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


def uses_database(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("django_db") or DATABASE & set(getattr(item, "fixturenames", ())))


_empty_the_tables = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def _empty_the_tables_audit_included(self: TransactionTestCase) -> None:
    """Tests with real transactions empty every table afterwards, and the audit's triggers refuse just that.

    A web process that some of them started may be reading meanwhile; when PostgreSQL ends such a tie by refusing us, it
    is over, and the next try gets through.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with triggers.lifted(connections["default"]):
                _empty_the_tables(self)
        except CommandError as error:
            if not tries_left or "deadlock" not in str(error.__cause__):
                raise
        else:
            return


TransactionTestCase._fixture_teardown = _empty_the_tables_audit_included  # type: ignore[attr-defined]

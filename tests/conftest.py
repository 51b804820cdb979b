"""What every test stands on."""

from __future__ import annotations

from django.db import connections
from django.test import TransactionTestCase

from observability import triggers
from tests.hosts import demo_image, libvirt_state

__all__ = ["demo_image", "libvirt_state"]  # fixtures are found here by name

_empty_the_tables = TransactionTestCase._fixture_teardown


def _empty_the_tables_audit_included(self: TransactionTestCase) -> None:
    """Tests with real transactions empty every table afterwards, and the audit's triggers refuse just that."""
    with triggers.lifted(connections["default"]):
        _empty_the_tables(self)


TransactionTestCase._fixture_teardown = _empty_the_tables_audit_included  # type: ignore[method-assign]

"""Append-only, said to the database itself: UPDATE and DELETE of audit entries are refused whoever asks.

Kept apart from the migration because a later migration that rebuilds the table on SQLite must put them back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "observability_auditentry"
SQLITE_ON = [
    f"""CREATE TRIGGER IF NOT EXISTS audit_refuse_{verb.lower()} BEFORE {verb} ON {TABLE}
    BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END"""
    for verb in ("UPDATE", "DELETE")
]
SQLITE_OFF = [f"DROP TRIGGER IF EXISTS audit_refuse_{verb}" for verb in ("update", "delete")]
POSTGRESQL_ON = [
    """CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit entries are never changed'; END $$""",
    f"""CREATE TRIGGER audit_refuse_change BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    f"CREATE TRIGGER audit_refuse_truncate BEFORE TRUNCATE ON {TABLE} EXECUTE FUNCTION audit_refuse()",
]
POSTGRESQL_OFF = [
    f"DROP TRIGGER IF EXISTS audit_refuse_change ON {TABLE}",
    f"DROP TRIGGER IF EXISTS audit_refuse_truncate ON {TABLE}",
]


def put_on(connection: BaseDatabaseWrapper) -> None:
    _run(connection, POSTGRESQL_ON if connection.vendor == "postgresql" else SQLITE_ON)


def take_off(connection: BaseDatabaseWrapper) -> None:
    _run(connection, POSTGRESQL_OFF if connection.vendor == "postgresql" else SQLITE_OFF)


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """For whoever owns the database anyway: tests that empty tables, retention that drops a whole segment."""
    take_off(connection)
    try:
        yield
    finally:
        put_on(connection)


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)

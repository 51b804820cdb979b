"""Rows by one column, asked for with SQL that Django wrote once.

Writing the SQL of a query takes Django longer than the database takes to answer it. Where the same is asked with every
request of the API (whose token is it, which machine), that was a third of the request.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

from django.db import connection
from django.db.models import Field, Model, QuerySet

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """`Prepared(Token.objects.all(), "digest")("ab12…")`: all rows of the query with this value, in its order.

    Whole rows and nothing beside them: `select_related` and `prefetch_related` are not done.
    """

    def __init__(self, rows: QuerySet[M], column: str) -> None:
        self._rows, self._column = rows, column
        self._field = cast("Field[Any, Any]", rows.model._meta.get_field(column))  # noqa: SLF001
        self._written: dict[str, str] = {}

    def __call__(self, value: Any) -> list[M]:
        sql = self._written.get(connection.vendor) or self._write(value)
        value = self._field.get_db_prep_value(value, connection)
        return list(self._rows.model._default_manager.raw(sql, [value]))  # noqa: SLF001

    def one(self, value: Any) -> M | None:
        return next(iter(self(value)), None)

    def _write(self, value: Any) -> str:
        sql, values = self._rows.filter(**{self._column: value}).query.sql_with_params()
        if len(values) != 1:
            raise ValueError(f"asks for more than one value: {sql}")
        self._written[connection.vendor] = sql
        return sql

"""Rows by one column, asked for with SQL that Django wrote once.

Writing the SQL of a query takes Django longer than the database takes to answer it. Where the same is asked with every
request of the API (whose token is it, which machine), that was a third of the request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from django.db import connection
from django.db.models import Field, Model, QuerySet

M = TypeVar("M", bound=Model)
Converters = dict[int, tuple[list[Callable[..., Any]], Any]]


@dataclass(frozen=True, slots=True)
class Statement:
    """What is written once for a kind of database: SQL, the columns it gives, and how their values are read."""

    sql: str
    names: list[str]
    converters: Converters


class Prepared(Generic[M]):
    """`Prepared(Token.objects.all(), "digest")("ab12…")`: all rows of the query with this value, in its order.

    Rows and nothing beside them: `select_related` and `prefetch_related` are not done.
    """

    def __init__(self, rows: QuerySet[M], column: str) -> None:
        self._rows, self._column = rows, column
        self._field = cast("Field[Any, Any]", rows.model._meta.get_field(column))  # noqa: SLF001
        self._written: dict[str, Statement] = {}

    def __call__(self, value: Any) -> list[M]:
        statement = self._written.get(connection.vendor) or self._write(value)
        value = self._field.get_db_prep_value(value, connection)
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, [value])
            found = cursor.fetchall()
        read, model, alias = statement.converters, self._rows.model, connection.alias
        rows = []
        for values in map(list, found):
            for place, (converters, expression) in read.items():
                for convert in converters:
                    values[place] = convert(values[place], expression, connection)
            rows.append(model.from_db(alias, statement.names, values))
        return rows

    def one(self, value: Any) -> M | None:
        return next(iter(self(value)), None)

    def _write(self, value: Any) -> Statement:
        compiler = self._rows.filter(**{self._column: value}).query.get_compiler(connection=connection)
        sql, values = compiler.as_sql()
        if len(values) != 1:
            raise ValueError(f"asks for more than one value: {sql}")
        columns = [column for column, _sql, _alias in compiler.select]
        names = [column.target.attname for column in columns]
        written = Statement(sql, names, compiler.get_converters(columns))
        self._written[connection.vendor] = written
        return written

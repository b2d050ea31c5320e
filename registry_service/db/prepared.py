"""Statements whose text is made once, with rows that have names: for what runs often inside a transaction.

    _BY_NAME = Prepared(select(models).where(models.c.name_taken == bindparam("name")))

    row = _BY_NAME.row(view.connection, name="fraud-detector")      # row.owner, row.created_at …, or None

What SQLAlchemy does for each execution (look the text up, make a context, a cursor and a result) takes it three to five
times as long as SQLite takes to answer, and a judgement is twenty statements. Here the driver gets the text directly,
and rows are named tuples whose values went through the types of their columns: a `UtcTimestamp` is a datetime, a
`JsonText` the value. Lists in a statement are `one_of`.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Boolean, Connection, Executable, Row
from sqlalchemy.types import TypeDecorator

from registry_service.db import postgres_connection as postgres
from registry_service.db.query import DIALECTS, CompiledQuery, compile_statement
from registry_service.db.sqlite_connection import driver_of

# To types, a row is SQLAlchemy's: both are tuples whose values have names.
_Decode = Callable[[Sequence[Any]], "Row[Any]"]


class Prepared:
    """One statement. `columns`: of an INSERT, those that it gives. Safe to share between threads and databases."""

    def __init__(self, statement: Executable, *, columns: Sequence[str] | None = None) -> None:
        self.statement = statement
        self._columns = columns
        self._compiled: dict[str, tuple[CompiledQuery, _Decode]] = {}

    def rows(self, connection: Connection, /, **params: object) -> list[Row[Any]]:
        """All rows; of a change with RETURNING, those that it returns."""
        compiled, decode = self._for(connection)
        arguments = compiled.arguments(params)
        if connection.dialect.name == "sqlite":
            found = driver_of(connection).execute(compiled.sql, arguments).fetchall()
        else:
            found = postgres.fetch(connection, compiled.sql, arguments)
        return [decode(row) for row in found]

    def row(self, connection: Connection, /, **params: object) -> Row[Any] | None:
        """The first row, or None where there is none."""
        found = self.rows(connection, **params)
        return found[0] if found else None

    def values(self, connection: Connection, /, **params: object) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self.rows(connection, **params)]

    def value(self, connection: Connection, /, **params: object) -> Any:  # noqa: ANN401 - what the column holds
        """The first column of the first row, or None where there is no row."""
        found = self.rows(connection, **params)
        return found[0][0] if found else None

    def change(self, connection: Connection, /, **params: object) -> int:
        """Make the change; answers how many rows it touched."""
        compiled, _ = self._for(connection)
        arguments = compiled.arguments(params)
        if connection.dialect.name == "sqlite":
            return driver_of(connection).execute(compiled.sql, arguments).rowcount
        return postgres.change(connection, compiled.sql, arguments)

    def change_each(self, connection: Connection, each: Sequence[Mapping[str, object]], /) -> None:
        """Make the change once for each set of parameters; for none, nothing."""
        if not each:
            return
        compiled, _ = self._for(connection)
        arguments = [compiled.arguments(dict(params)) for params in each]
        if connection.dialect.name == "sqlite":
            driver_of(connection).executemany(compiled.sql, arguments)
        else:
            postgres.change_each(connection, compiled.sql, arguments)

    def _for(self, connection: Connection) -> tuple[CompiledQuery, _Decode]:
        name = connection.dialect.name
        found = self._compiled.get(name)
        if found is None:
            dialect = DIALECTS[name]()
            compiled = compile_statement(self.statement, dialect, self._columns)
            found = self._compiled[name] = compiled, _decoder(self.statement, dialect)
        return found


def _decoder(statement: Any, dialect: Any) -> _Decode:  # noqa: ANN401 - SELECT and RETURNING have no class in common
    columns = [(column.key, column.type) for column in statement.exported_columns]
    named: Any = namedtuple("Row", [key for key, _ in columns], rename=True)  # type: ignore[misc]  # noqa: PYI024 - made at run time
    # All others arrive as they are: the tables hold integers, floats and text only.
    processors = [
        kind.dialect_impl(dialect).result_processor(dialect, None)
        if isinstance(kind, TypeDecorator | Boolean)
        else None
        for _, kind in columns
    ]
    needed = [(index, process) for index, process in enumerate(processors) if process is not None]
    if not needed:
        return cast("_Decode", named._make)

    def decode(row: Sequence[Any]) -> Row[Any]:
        values = list(row)
        for index, process in needed:
            values[index] = process(values[index])
        return cast("Row[Any]", named._make(values))

    return decode

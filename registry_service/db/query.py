"""Hot reads: a SQLAlchemy Core statement, compiled once per dialect, run on whatever connection is at hand.

    find_model = first(
        select(models.c.id, models.c.owner).where(models.c.name == bindparam("name")),
        lambda row: Model(id=row[0], owner=row[1]),
    )

    await database.read(find_model, name="fraud-detector")      # on a pooled raw connection
    find_model.run(connection, name="fraud-detector")           # inside a write command, in its transaction

Rows are what the driver gives, as plain tuples, untouched by SQLAlchemy's result processing: a `UtcTimestamp` arrives
as integer microseconds, `JsonText` as text, a boolean as 0 or 1 on SQLite. The decoder turns them into values.
Parameters do pass through the bind processing of their types.

A statement made for one request (a filter, say) is a Query as well: build it and read it; it then pays for its own
compilation, about half a millisecond. Lists in such a statement may be plain `column.in_([...])`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Boolean, ColumnElement, bindparam, func
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal

from registry_service.db import postgres_connection as postgres
from registry_service.db.sqlite_connection import driver_of
from registry_service.db.types import ListOf

if TYPE_CHECKING:
    from sqlalchemy import Connection, Executable
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.compiler import SQLCompiler

T = TypeVar("T")
Row = tuple[Any, ...]
Decoder = Callable[[Sequence[Row]], T]

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "sqlite": SQLiteDialect_pysqlite,
    "postgresql": PGDialect_asyncpg,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One position of a compiled statement: a name to be given, or (`name` is None) a value known since compilation."""

    name: str | None
    value: object
    process: Callable[[Any], object] | None


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """What a raw driver needs: the text, and which parameter goes where."""

    sql: str
    parameters: tuple[Parameter, ...]
    names: frozenset[str]

    def arguments(self, given: dict[str, Any]) -> tuple[Any, ...]:
        """The values in the order of the text. Raises TypeError when names are missing or unknown."""

        if given.keys() != self.names:
            missing, unknown = sorted(self.names - given.keys()), sorted(given.keys() - self.names)
            raise TypeError(f"query parameters: missing {missing}, unknown {unknown}")
        values = []
        for parameter in self.parameters:
            value = parameter.value if parameter.name is None else given[parameter.name]
            values.append(value if parameter.process is None else parameter.process(value))
        return tuple(values)


class Query(Generic[T]):
    """A read: one statement and the decoder of its rows. Safe to share between threads and databases."""

    def __init__(self, statement: Executable, decode: Decoder[T]) -> None:
        self.statement = statement
        self.decode = decode
        self._compiled: dict[str, CompiledQuery] = {}

    def compiled(self, dialect: str) -> CompiledQuery:
        """The statement for `sqlite` or `postgresql`, compiled at the first call.

        Raises TypeError for an `in_()` on a parameter without a value: its text would depend on the length of the list;
        `one_of` takes lists of any length with one text.
        """

        found = self._compiled.get(dialect)
        if found is None:
            # Two threads may both compile at first; they get equal results and one of them stays.
            found = self._compiled[dialect] = compile_statement(self.statement, DIALECTS[dialect]())
        return found

    def run(self, connection: Connection, /, **params: object) -> T:
        """The same read inside a write command: sees what the command wrote so far."""

        compiled = self.compiled(connection.dialect.name)
        arguments = compiled.arguments(params)
        if connection.dialect.name == "sqlite":
            return self.decode(driver_of(connection).execute(compiled.sql, arguments).fetchall())
        return self.decode([tuple(row) for row in postgres.fetch(connection, compiled.sql, arguments)])


def many(statement: Executable, decode_row: Callable[[Row], T]) -> Query[list[T]]:
    """A Query for every row."""

    return Query(statement, lambda rows: [decode_row(row) for row in rows])


def first(statement: Executable, decode_row: Callable[[Row], T]) -> Query[T | None]:
    """A Query for the first row, or None where there is none."""

    return Query(statement, lambda rows: decode_row(rows[0]) if rows else None)


class one_of(ColumnElement[bool]):  # noqa: N801 - reads as a function in statements, like SQLAlchemy's own `case`
    """`column` equals an element of the list that parameter `name` brings; a list of any length, even none.

    One parameter whatever the length, so that the text and its prepared statement stay the same. Indexes on `column`
    are used on both databases.
    """

    # What SQLAlchemy must look into to know two of these for the same: a statement with one is then compiled once.
    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - as SQLAlchemy declares it
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]
    type = Boolean()
    _is_implicitly_boolean = True  # else SQLAlchemy writes "= 1" behind it on SQLite, and the index is lost

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values: ColumnElement[Any] = bindparam(name, type_=ListOf(column.type))


@compiles(one_of, "sqlite")
def _one_of_sqlite(element: one_of, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both are the compiler's own output


@compiles(one_of, "postgresql")
def _one_of_postgresql(element: one_of, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} = {compiler.process(func.any(element.values), **kw)}"


def compile_statement(
    statement: Executable, dialect: Dialect, column_keys: Sequence[str] | None = None
) -> CompiledQuery:
    """What a raw driver needs of a statement; `column_keys`: of an INSERT, the columns that it gives."""

    compiler: Any = statement.compile(dialect=dialect, column_keys=column_keys)  # type: ignore[attr-defined]
    required = {name for name, bind in compiler.binds.items() if bind.required}
    for name in required:
        if compiler.binds[name].expanding:
            raise TypeError(f"in_() on parameter {name!r} has no fixed text; use one_of(column, {name!r})")
    processors = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiler.binds.items()
    }
    state = compiler.construct_expanded_state(dict.fromkeys(required), escape_names=False)
    parameters = tuple(
        Parameter(
            name if name in required else None,
            None if name in required else state.parameters[name],
            processors.get(name) or state.processors.get(name),
        )
        for name in state.positiontup
    )
    return CompiledQuery(state.statement, parameters, frozenset(required))

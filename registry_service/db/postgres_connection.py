"""PostgreSQL connections: how they are opened, how a transaction begins and ends, and the driver beneath SQLAlchemy.

SQLAlchemy's adapter of asyncpg begins a transaction lazily and asks before each whether the connection lives, which are
three round trips. Here its connections are in autocommit, as it sees them, and `transaction` says BEGIN and COMMIT to
the driver: BEGIN is the question. All statements of a transaction, SQLAlchemy's and those of `fetch`, are one after
the other on one connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from registry_service.domain.errors import DatabaseUnavailable, InvalidInput, Overloaded, RegistryError, StorageFull

CONNECT_TIMEOUT_S = 10.0
POOL_TIMEOUT_S = 10.0
ROLLBACK_TIMEOUT_S = 10.0

# As many texts as are prepared here, and then some: the driver forgets those that it used longest ago.
STATEMENTS = 512

WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED"
SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# Conditions by SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
TRY_AGAIN = {"40001", "40P01"}  # serialization failure, deadlock: the transaction is gone, the command may run again
READ_ONLY = {"25006"}  # a standby: the primary moved elsewhere
_TOO_SLOW = "The database took too long and the statement was ended. Narrow it down, or try again later."
_TOO_MANY = "Too many writers met at the same rows. Try again in a few seconds."
_REFUSALS: Mapping[str, tuple[type[RegistryError], str]] = {
    "53100": (StorageFull, "No space is left for the database; nothing was kept. Make room and try again."),
    "55P03": (Overloaded, _TOO_SLOW),  # lock timeout
    "57014": (Overloaded, _TOO_SLOW),  # statement timeout
    **dict.fromkeys(TRY_AGAIN, (Overloaded, _TOO_MANY)),
    # SQLite merely never finds such text.
    "22021": (InvalidInput, "A text of the request holds a NUL character. Leave it out."),
}
# Classes: connection, authorization, no such database, resources, operator, system, configuration, internal error.
_UNAVAILABLE_CLASSES = {"08", "28", "3D", "53", "57", "58", "F0", "XX"}


def create_engine(dsn: str, settings: dict[str, str], *, size: int | None = None) -> AsyncEngine:
    """An SQLAlchemy engine that connects as asyncpg reads `dsn`. With `size`, a pool of connections for `transaction`
    alone; without, one connection at a time, not kept, that begins as SQLAlchemy does."""

    def connect() -> Any:  # noqa: ANN401 - asyncpg has no types
        return asyncpg.connect(
            dsn, timeout=CONNECT_TIMEOUT_S, server_settings=settings, statement_cache_size=STATEMENTS
        )

    pooling: dict[str, Any] = (
        {"poolclass": NullPool}
        if size is None
        else {
            "pool_size": size, "max_overflow": 0, "pool_timeout": POOL_TIMEOUT_S, "isolation_level": "AUTOCOMMIT",
        }
    )  # fmt: skip
    return create_async_engine("postgresql+asyncpg://", async_creator=connect, **pooling)


@contextlib.asynccontextmanager
async def transaction(engine: AsyncEngine, begin: str, *, size: int) -> AsyncIterator[AsyncConnection]:
    """A connection of a pool of `size`, in a transaction that `begin` begins: committed behind the block, rolled back
    where it raises. Whatever happens, no transaction is left open on a connection that goes back into the pool."""

    connection, driver = await _begun(engine, begin, attempts=size + 1)
    try:
        try:
            yield connection
            await _commit(driver)
        except BaseException:
            await _roll_back(driver)
            raise
    finally:
        if driver.is_closed():
            await connection.invalidate()
        # Nothing waits in here, so nothing can cancel it half way.
        await connection.close()


async def _begun(engine: AsyncEngine, begin: str, *, attempts: int) -> tuple[AsyncConnection, Any]:
    """The pool may hand out connections that the server has closed, at worst all before a new one; nothing was done on
    them yet."""

    while True:
        connection = await engine.connect()
        driver = _adapted(cast("Connection", connection.sync_connection)).driver_connection
        try:
            await driver.execute(begin)
        except BaseException as error:
            driver.terminate()
            await connection.invalidate()
            await connection.close()
            attempts -= 1
            if not attempts or not isinstance(error, Exception) or not _is_gone(error):
                raise
        else:
            return connection, driver


async def _commit(driver: Any) -> None:  # noqa: ANN401 - asyncpg has no types
    # Where a statement had failed, the server rolls back, and says so instead of refusing.
    if await driver.execute("COMMIT") != "COMMIT":
        raise RuntimeError("a statement of the transaction failed and nobody undid it: nothing was kept")


async def _roll_back(driver: Any) -> None:  # noqa: ANN401 - asyncpg has no types
    """To its end, also where whoever waits for it is cancelled once more: the statement of a server that isn't told
    goes on, and keeps its locks."""

    undoing = asyncio.ensure_future(_undo(driver))
    cancelled: asyncio.CancelledError | None = None
    while not undoing.done():
        try:
            await asyncio.shield(undoing)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _undo(driver: Any) -> None:  # noqa: ANN401 - asyncpg has no types
    with contextlib.suppress(Exception):  # what the block raised is what matters
        try:
            await driver.execute("ROLLBACK", timeout=ROLLBACK_TIMEOUT_S)
        except BaseException:
            driver.terminate()
            raise


def fetch(connection: Connection, sql: str, arguments: Sequence[Any]) -> list[Any]:
    """The rows of a statement that the driver gets directly, in the transaction of `connection`."""

    rows: list[Any] = _adapted(connection).run_async(lambda driver: _begun_by(driver).fetch(sql, *arguments))
    return rows


def change(connection: Connection, sql: str, arguments: Sequence[Any]) -> int:
    """Execute the same way a statement that answers no rows; tells how many it touched."""

    status = _adapted(connection).run_async(lambda driver: _begun_by(driver).execute(sql, *arguments))
    return int(status.rpartition(" ")[2])


def change_each(connection: Connection, sql: str, each: Sequence[Sequence[Any]]) -> None:
    """Execute such a statement for each of the arguments, all in one round trip."""

    if len(each) == 1:  # takes the driver half as long this way
        fetch(connection, sql, each[0])
    else:
        _adapted(connection).run_async(lambda driver: _begun_by(driver).executemany(sql, each))


def _begun_by(driver: Any) -> Any:  # noqa: ANN401 - asyncpg has no types
    if not driver.is_in_transaction():
        raise RuntimeError("a statement outside of a transaction: begin one with `transaction`")
    return driver


def _adapted(connection: Connection) -> AdaptedConnection:
    return cast("AdaptedConnection", connection.connection.dbapi_connection)


def sqlstate(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) or ""


def translated(error: Exception) -> Exception:
    """The refusal that `error` of the driver, the network or the server amounts to; else `error` itself."""

    state = sqlstate(error)
    if state in _REFUSALS:
        kind, message = _REFUSALS[state]
        return kind(message)
    if isinstance(error, PoolTimeout | TimeoutError):
        return Overloaded("All connections to the database are busy. Try again in a few seconds.")
    if state in READ_ONLY or _is_gone(error):
        return DatabaseUnavailable("The database can't be reached right now. Try again later.")
    return error


def _is_gone(error: Exception) -> bool:
    return sqlstate(error)[:2] in _UNAVAILABLE_CLASSES or is_connection_lost(error)


def is_connection_lost(error: Exception) -> bool:
    """Whether the connection ended, and not the statement alone."""

    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    if isinstance(error, RegistryError | ValueError):  # asyncpg's DataError, an argument of the wrong type, is both
        return False
    # The internal error: the server has said that it ends an idle connection, and its end hasn't arrived yet.
    lost = asyncpg.PostgresConnectionError | asyncpg.InterfaceError | asyncpg.InternalClientError | OSError
    return isinstance(error, lost)

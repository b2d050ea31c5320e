"""PostgreSQL: commands through SQLAlchemy on asyncpg, hot reads on a pool of raw asyncpg connections."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from registry_service.db.database import Database, DialectName
from registry_service.db.news import listen
from registry_service.db.query import Query, Row
from registry_service.domain.errors import DatabaseUnavailable, InvalidInput, Overloaded, RegistryError, StorageFull
from registry_service.failpoints import reach

T = TypeVar("T")

_ATTEMPTS = 5
_CONNECT_TIMEOUT_S = 10.0
_POOL_TIMEOUT_S = 10.0

# Conditions by SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_TRY_AGAIN = {"40001", "40P01"}  # serialization failure, deadlock: the transaction is gone, the command may run again
_TOO_SLOW = "The database took too long and the statement was ended. Narrow it down, or try again later."
_TOO_MANY = "Too many writers met at the same rows. Try again in a few seconds."
_REFUSALS: Mapping[str, tuple[type[RegistryError], str]] = {
    "53100": (StorageFull, "No space is left for the database; nothing was kept. Make room and try again."),
    "55P03": (Overloaded, _TOO_SLOW),  # lock timeout
    "57014": (Overloaded, _TOO_SLOW),  # statement timeout
    **dict.fromkeys(_TRY_AGAIN, (Overloaded, _TOO_MANY)),
    # SQLite merely never finds such text.
    "22021": (InvalidInput, "A text of the request holds a NUL character. Leave it out."),
}
# Classes: connection, authorization, no such database, resources, operator, system, configuration, internal error.
_UNAVAILABLE_CLASSES = {"08", "28", "3D", "53", "57", "58", "F0", "XX"}
_READ_ONLY = {"25006"}  # a standby: the primary moved elsewhere


class PostgresDatabase(Database):
    """The production database.

    `dsn` is a libpq address (`postgresql://user:secret@host/name?sslmode=verify-full`). Connections at most:
    `writers` + `views` + `readers`, and one that hears of events. A statement is ended after `time_limit` seconds, as
    is the wait for a lock.
    """

    def __init__(
        self, dsn: str, *, writers: int = 8, views: int = 8, readers: int = 8, time_limit: float = 30.0
    ) -> None:
        self.dsn = dsn
        limit = str(round(time_limit * 1000))
        self._settings = {
            "application_name": "model-registry",
            "default_transaction_isolation": "read committed",
            "jit": "off",  # compiling a short statement takes longer than running it
            "lock_timeout": limit,
            "statement_timeout": limit,
            "idle_in_transaction_session_timeout": limit,
        }
        self._writing = create_engine(dsn, self._settings, size=writers)
        self._viewing = create_engine(dsn, self._settings, size=views).execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._readers = readers
        self._pool: asyncpg.Pool | None = None
        self._running = _Running()
        self._writes = _Running()

    @property
    def dialect(self) -> DialectName:
        return "postgresql"

    @property
    def commits(self) -> None:
        return None

    @property
    def writes_in_progress(self) -> int:
        return self._writes.count

    async def start(self) -> None:
        try:
            self._pool = await asyncpg.create_pool(
                self.dsn,
                min_size=1,
                max_size=self._readers,
                timeout=_CONNECT_TIMEOUT_S,
                statement_cache_size=256,
                connection_class=_ReadConnection,
                server_settings={**self._settings, "default_transaction_read_only": "on"},
            )
            await self.check()
        except Exception as error:
            await self.stop()
            raise DatabaseUnavailable(
                f"Can't open the database: {error}. Check its address, and that the server runs and lets us in."
            ) from error

    async def stop(self) -> None:
        pool, self._pool = self._pool, None
        await self._running.drained()
        if pool is not None:
            await pool.close()
        await self._viewing.dispose()
        await self._writing.dispose()

    async def check(self) -> None:
        await self.write(_nothing)
        await self._fetch("SELECT 1", ())

    async def write(self, command: Callable[[Connection], T], /) -> T:
        self._opened()
        with self._running, self._writes:
            attempt = 1
            while True:
                try:
                    async with self._writing.begin() as connection:
                        reach("writer.begun")
                        result = await connection.run_sync(command)
                        reach("writer.before_commit")
                except Exception as error:
                    if _sqlstate(error) not in _TRY_AGAIN or attempt == _ATTEMPTS:
                        raise translated(error) from error
                else:
                    reach("writer.committed")
                    return result
                # Part those who met: wait at random, and longer each time.
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - not a secret
                attempt += 1

    async def view(self, look: Callable[[Connection], T], /) -> T:
        self._opened()
        with self._running:
            try:
                async with self._viewing.connect() as connection:
                    return await connection.run_sync(look)
            except Exception as error:
                if _sqlstate(error) in _READ_ONLY:  # a mistake in `look`, not a standby
                    raise
                raise translated(error) from error

    async def read(self, query: Query[T], /, **params: object) -> T:
        compiled = query.compiled("postgresql")
        return query.decode(await self._fetch(compiled.sql, compiled.arguments(params)))

    async def glance(self, query: Query[T], /, **params: object) -> T:
        return await self.read(query, **params)

    async def hear(self, told: Callable[[int], None], /) -> None:
        self._opened()
        try:
            connection = await asyncpg.connect(self.dsn, timeout=_CONNECT_TIMEOUT_S, server_settings=self._settings)
            try:
                await listen(connection, told)
            finally:
                connection.terminate()
        except Exception as error:
            raise translated(error) from error

    async def _fetch(self, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
        pool = self._opened()
        with self._running:
            try:
                try:
                    return await _fetch_once(pool, sql, arguments)
                except Exception as error:
                    if not _is_connection_lost(error):
                        raise
                    # The pool may hand out a connection that the server has closed; reading again is safe.
                    return await _fetch_once(pool, sql, arguments)
            except Exception as error:
                raise translated(error) from error

    def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            raise DatabaseUnavailable("The database is not running. Try again once the service is up.")
        return self._pool


class _Running:
    """Counts what was accepted and not yet answered, so that a stop can wait for it."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __enter__(self) -> None:
        self._count += 1
        self._idle.clear()

    def __exit__(self, *_error: object) -> None:
        self._count -= 1
        if not self._count:
            self._idle.set()

    @property
    def count(self) -> int:
        return self._count

    async def drained(self) -> None:
        await self._idle.wait()


class _ReadConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A pooled connection that only ever reads: it has no state to clean, so its return costs no round trip."""

    def get_reset_query(self) -> str:
        return ""


async def _fetch_once(pool: asyncpg.Pool, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
    async with pool.acquire(timeout=_POOL_TIMEOUT_S) as connection:
        return [tuple(record) for record in await connection.fetch(sql, *arguments)]


def create_engine(dsn: str, settings: dict[str, str], *, size: int | None = None) -> AsyncEngine:
    """An SQLAlchemy engine that connects as asyncpg reads `dsn`; without `size`, one connection at a time, not kept."""

    def connect() -> Any:  # noqa: ANN401 - asyncpg has no types
        return asyncpg.connect(dsn, timeout=_CONNECT_TIMEOUT_S, server_settings=settings)

    pooling: dict[str, Any] = (
        {"poolclass": NullPool}
        if size is None
        else {"pool_size": size, "max_overflow": 0, "pool_timeout": _POOL_TIMEOUT_S, "pool_pre_ping": True}
    )
    return create_async_engine("postgresql+asyncpg://", async_creator=connect, **pooling)


def _sqlstate(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) or ""


def translated(error: Exception) -> Exception:
    """The refusal that `error` of the driver, the network or the server amounts to; else `error` itself."""

    state = _sqlstate(error)
    if state in _REFUSALS:
        kind, message = _REFUSALS[state]
        return kind(message)
    if isinstance(error, PoolTimeout | TimeoutError):
        return Overloaded("All connections to the database are busy. Try again in a few seconds.")
    if state in _READ_ONLY or state[:2] in _UNAVAILABLE_CLASSES or _is_connection_lost(error):
        return DatabaseUnavailable("The database can't be reached right now. Try again later.")
    return error


def _is_connection_lost(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    if isinstance(error, RegistryError | ValueError):  # asyncpg's DataError, an argument of the wrong type, is both
        return False
    # The internal error: the server has said that it ends an idle connection, and its end hasn't arrived yet.
    lost = asyncpg.PostgresConnectionError | asyncpg.InterfaceError | asyncpg.InternalClientError | OSError
    return isinstance(error, lost)


def _nothing(_connection: Connection) -> None:
    """The command that proves that a transaction can be made."""

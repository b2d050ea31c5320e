"""PostgreSQL: commands through SQLAlchemy on asyncpg, hot reads on a pool of raw asyncpg connections."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection

from registry_service.db.database import Database, DialectName
from registry_service.db.news import listen
from registry_service.db.patience import refuse_belatedly, refuse_impatiently
from registry_service.db.postgres_connection import (
    CONNECT_TIMEOUT_S,
    POOL_TIMEOUT_S,
    READ_ONLY,
    SNAPSHOT,
    STATEMENTS,
    TRY_AGAIN,
    WRITE,
    create_engine,
    is_connection_lost,
    sqlstate,
    transaction,
    translated,
)
from registry_service.db.query import Query, Row
from registry_service.domain.errors import DatabaseUnavailable, Overloaded
from registry_service.failpoints import reach

T = TypeVar("T")

VIEWS_KEPT = 2
"""Connections for views that searches leave to others."""

_ATTEMPTS = 5


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
        self._viewing = create_engine(dsn, self._settings, size=views)
        self._writers = writers
        self._views = views
        self._readers = readers
        self._pool: asyncpg.Pool | None = None
        self._running = _Running()
        self._searches = _Searches(at_a_time=max(1, views - VIEWS_KEPT))
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
                timeout=CONNECT_TIMEOUT_S,
                statement_cache_size=STATEMENTS,
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
                    async with transaction(self._writing, WRITE, size=self._writers) as connection:
                        reach("writer.begun")
                        result = await connection.run_sync(command)
                        reach("writer.before_commit")
                except Exception as error:
                    if sqlstate(error) not in TRY_AGAIN or attempt == _ATTEMPTS:
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
                async with transaction(self._viewing, SNAPSHOT, size=self._views) as connection:
                    return await connection.run_sync(look)
            except Exception as error:
                if sqlstate(error) in READ_ONLY:  # a mistake in `look`, not a standby
                    raise
                raise translated(error) from error

    async def search(self, look: Callable[[Connection], T], /) -> T:
        async with self._searches:
            return await self.view(look)

    async def read(self, query: Query[T], /, **params: object) -> T:
        compiled = query.compiled("postgresql")
        return query.decode(await self._fetch(compiled.sql, compiled.arguments(params)))

    async def glance(self, query: Query[T], /, **params: object) -> T:
        return await self.read(query, **params)

    async def hear(self, told: Callable[[int], None], /) -> None:
        self._opened()
        try:
            connection = await asyncpg.connect(self.dsn, timeout=CONNECT_TIMEOUT_S, server_settings=self._settings)
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
                    if not is_connection_lost(error):
                        raise
                    # The pool may hand out a connection that the server has closed; reading again is safe.
                    return await _fetch_once(pool, sql, arguments)
            except Exception as error:
                raise translated(error) from error

    def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            raise DatabaseUnavailable("The database is not running. Try again once the service is up.")
        return self._pool


class _Searches:
    """Lets so many in at a time, the others one after the other as they came."""

    def __init__(self, *, at_a_time: int) -> None:
        self._places = asyncio.Semaphore(at_a_time)
        self._since: deque[float] = deque()

    async def __aenter__(self) -> None:
        refuse_impatiently(time.monotonic() - self._since[0] if self._since else 0)
        asked = time.monotonic()
        self._since.append(asked)
        try:
            await self._places.acquire()
        finally:
            self._since.remove(asked)
        try:
            refuse_belatedly(time.monotonic() - asked)
        except Overloaded:
            self._places.release()
            raise

    async def __aexit__(self, *_raised: object) -> None:
        self._places.release()


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
    async with pool.acquire(timeout=POOL_TIMEOUT_S) as connection:
        return [tuple(record) for record in await connection.fetch(sql, *arguments)]


def _nothing(_connection: Connection) -> None:
    """The command that proves that a transaction can be made."""

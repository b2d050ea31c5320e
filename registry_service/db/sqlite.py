"""SQLite: one writer thread, several reader threads, one file in a directory that this process owns."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy import create_engine as create_sqlalchemy_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from registry_service.db.database import Database, DialectName
from registry_service.db.directory_lock import DirectoryLock
from registry_service.db.query import Query
from registry_service.db.sqlite_connection import close, create_file, driver_of, prepare
from registry_service.db.sqlite_readers import ReaderThreads
from registry_service.db.sqlite_writer import GroupCommitWriter

T = TypeVar("T")


class SqliteDatabase(Database):
    """The embedded default.

    `pragmas` are set on every connection behind the built-in ones, for tuning (`cache_size`, `mmap_size`) and limits
    (`max_page_count`).
    """

    writer_class: type[GroupCommitWriter] = GroupCommitWriter

    def __init__(
        self,
        path: Path,
        *,
        readers: int = 4,
        read_time_limit: float = 10.0,
        pragmas: Mapping[str, str | int] | None = None,
    ) -> None:
        self.path = path
        self._lock = DirectoryLock(path.parent)
        self._engine = create_engine(path, pragmas or {})
        self._writer = self.writer_class(self._engine.connect)
        self._readers = ReaderThreads(self._connect_reader, count=readers, time_limit=read_time_limit)
        self._glancing: Connection | None = None
        self._writes = 0

    @property
    def dialect(self) -> DialectName:
        return "sqlite"

    @property
    def commits(self) -> int | None:
        return self._writer.commits.count

    @property
    def writes_in_progress(self) -> int:
        return self._writes

    async def start(self) -> None:
        self._lock.acquire()
        try:
            create_file(self.path)
            self._writer.start()
            self._readers.start()
            await self.check()
        except Exception:
            await self.stop()
            raise

    async def stop(self) -> None:
        await self._writer.stop()
        await self._readers.stop()
        self._stop_glancing()
        self._lock.release()

    async def hear(self, _told: Callable[[int], None], /) -> None:
        await asyncio.get_running_loop().create_future()

    async def check(self) -> None:
        await self._writer.submit(_nothing)
        await self._readers.read(lambda reader: reader.fetch("SELECT 1", ()))

    async def write(self, command: Callable[[Connection], T], /) -> T:
        self._writes += 1
        try:
            return await self._writer.submit(command)
        finally:
            self._writes -= 1

    async def view(self, look: Callable[[Connection], T], /) -> T:
        return await self._readers.read(lambda reader: reader.look(look))

    async def search(self, look: Callable[[Connection], T], /) -> T:
        return await self._readers.search(lambda reader: reader.look(look))

    async def read(self, query: Query[T], /, **params: object) -> T:
        compiled = query.compiled("sqlite")
        arguments = compiled.arguments(params)
        return query.decode(await self._readers.read(lambda reader: reader.fetch(compiled.sql, arguments)))

    async def glance(self, query: Query[T], /, **params: object) -> T:
        # A hop to another thread and back costs five times what the statement does, and more where threads compete
        # for the interpreter lock. In a write-ahead log, no writer holds up a reader.
        compiled = query.compiled("sqlite")
        arguments = compiled.arguments(params)
        if not self._readers.running:
            return await self.read(query, **params)
        try:
            if self._glancing is None:
                self._glancing = self._connect_reader()
                driver_of(self._glancing).execute("PRAGMA busy_timeout=0").close()
            rows = driver_of(self._glancing).execute(compiled.sql, arguments).fetchall()
        except (sqlite3.Error, DBAPIError):
            # On a thread one may wait, and what is wrong with the file is put in words there.
            self._stop_glancing()
            return await self.read(query, **params)
        return query.decode(rows)

    def _stop_glancing(self) -> None:
        connection, self._glancing = self._glancing, None
        if connection is not None:
            close(connection)

    def _connect_reader(self) -> Connection:
        connection = self._engine.connect()
        driver_of(connection).execute("PRAGMA query_only=ON").close()
        return connection


def create_engine(path: Path, pragmas: Mapping[str, str | int]) -> Engine:
    """An SQLAlchemy engine whose connections are in driver autocommit mode: BEGIN and COMMIT are said by statement.

    The driver by itself would begin only before the first change, and a transaction that has read before it locks
    loses updates.
    """

    engine = create_sqlalchemy_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args={"cached_statements": 256},
    )
    event.listen(engine, "connect", lambda driver, _record: prepare(driver, pragmas))
    return engine


def _nothing(_connection: Connection) -> None:
    """The command that proves that the writer thread lives and may lock the file."""

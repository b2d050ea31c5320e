"""Threads that read a SQLite file beside its writer, each on a raw connection of its own.

Own threads on one queue, because this is the hot path: three times as many reads per CPU second as a thread pool,
half as many again as aiosqlite (`benchmarks/`).
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from registry_service.db.query import Row
from registry_service.db.sqlite_connection import unavailability
from registry_service.domain.errors import DatabaseUnavailable, Overloaded

QUEUE_LIMIT = 4_096

# How often SQLite asks whether to go on, in instructions of its virtual machine: about every millisecond.
_PROGRESS_INTERVAL = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    sql: str
    arguments: tuple[Any, ...]
    answer: asyncio.Future[list[Row]]


class ReaderThreads:
    """`count` threads that answer reads in the order of asking; a read longer than `time_limit` seconds is ended."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, count: int, time_limit: float) -> None:
        self._connect = connect
        self._count = count
        self._time_limit = time_limit
        self._queue: queue.SimpleQueue[_Read | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the threads; answers go to the running event loop."""

        self._loop = asyncio.get_running_loop()
        self._threads = [
            threading.Thread(target=self._run, args=(self._loop,), name=f"sqlite-reader-{number}", daemon=True)
            for number in range(self._count)
        ]
        for thread in self._threads:
            thread.start()

    async def stop(self) -> None:
        """Answer what was asked, then end the threads."""

        threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            await asyncio.to_thread(thread.join)

    async def fetch(self, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
        """All rows of one statement."""

        if self._loop is None or not self._threads:
            raise DatabaseUnavailable("The database is not running. Try again once the service is up.")
        if self._queue.qsize() >= QUEUE_LIMIT:
            raise Overloaded(f"{QUEUE_LIMIT} reads are waiting already. Try again in a few seconds.")
        answer: asyncio.Future[list[Row]] = self._loop.create_future()
        self._queue.put(_Read(sql, arguments, answer))
        return await answer

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        reader = _Reader(self._connect, self._time_limit)
        while (read := self._queue.get()) is not None:
            if read.answer.cancelled():
                continue
            rows: list[Row] = []
            error: Exception | None = None
            try:
                rows = reader.fetch(read.sql, read.arguments)
            except Exception as raised:  # noqa: BLE001 - it belongs to the caller
                error = raised
            try:
                loop.call_soon_threadsafe(_settle, read.answer, rows, error)
            except RuntimeError:
                break  # the loop was closed without stop(): nobody is left to answer
        reader.close()


class _Reader:
    """One connection with a watch on it."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], time_limit: float) -> None:
        self._connect = connect
        self._time_limit = time_limit
        self._deadline = 0.0
        self._connection: sqlite3.Connection | None = None

    def fetch(self, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
        self._deadline = time.monotonic() + self._time_limit
        try:
            return self._opened().execute(sql, arguments).fetchall()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise Overloaded(
                    f"The query took longer than {self._time_limit:g} s and was ended. Narrow it down, or try again later."
                ) from error
            failure = unavailability(error)
            if failure is None:
                raise
            self.close()
            raise failure from error

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
            self._connection.set_progress_handler(self._late, _PROGRESS_INTERVAL)
        return self._connection

    def _late(self) -> bool:
        return time.monotonic() > self._deadline


def _settle(answer: asyncio.Future[list[Row]], rows: list[Row], error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(rows)
    else:
        answer.set_exception(error)

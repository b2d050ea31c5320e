"""Threads that read a SQLite file beside its writer, each on a connection of its own.

Own threads on one queue, because this is the hot path: a read costs a third of the CPU time that a thread pool takes,
and 60 % of what aiosqlite takes (16 clients, one indexed row: 11 µs, 36 µs, 19 µs).

One thread answers as long as it keeps up, and the others help only when a read holds it up. Were all of them awake,
they would mostly wait for each other and for the event loop to hand over the interpreter lock: with four threads at
short reads, the service answers less than half as many as with one.

Searches come after all else, and the last thread takes none: five hundred at once must not keep anybody from reading
which version is in production.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from registry_service.db.answers import settle
from registry_service.db.patience import LONGEST_WAIT_S, refuse_belatedly, refuse_impatiently
from registry_service.db.query import Row
from registry_service.db.sqlite_connection import close, driver_of, unavailability
from registry_service.domain.errors import DatabaseUnavailable, Overloaded

T = TypeVar("T")

QUEUE_LIMIT = 4_096

# How often is looked at what is being read: reads that wait may stand still for so long before another thread is woken.
_PATIENCE_S = 0.005


class Reader:
    """One connection with a watch on it: what a read gets in its hands."""

    def __init__(self, connect: Callable[[], Connection], time_limit: float) -> None:
        self._connect = connect
        self._time_limit = time_limit
        self._deadline: float | None = None
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def fetch(self, sql: str, arguments: tuple[Any, ...]) -> list[Row]:
        """All rows of one statement, straight from the driver."""

        return driver_of(self._opened()).execute(sql, arguments).fetchall()

    def look(self, function: Callable[[Connection], T]) -> T:
        """The result of `function` on one snapshot."""

        connection = self._opened()
        driver = driver_of(connection)
        driver.execute("BEGIN")
        try:
            return function(connection)
        finally:
            driver.rollback()

    def answer(self, read: Callable[[Reader], T]) -> T:
        """`read(self)`, ended when it takes too long; what failed with the file is tried anew on a new connection."""

        self._deadline = time.monotonic() + self._time_limit
        try:
            return read(self)
        except (sqlite3.Error, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            code = getattr(cause, "sqlite_errorcode", None)
            if code == sqlite3.SQLITE_INTERRUPT:
                raise Overloaded(
                    f"The query took longer than {self._time_limit:g} s and was ended. "
                    "Narrow it down, or try again later."
                ) from error
            failure = unavailability(error)
            if failure is None or code == sqlite3.SQLITE_READONLY:  # read-only: a mistake in `read`, not of the disk
                raise
            self.close()
            raise failure from error
        finally:
            with self._lock:
                self._deadline = None

    @property
    def is_reading(self) -> bool:
        return self._deadline is not None

    def end_if_late(self) -> None:
        """Interrupt a read whose time is over; from any thread. SQLite's own question whether to go on comes too
        seldom: a single comparison of a long text with a long pattern takes it a quarter of a second.
        """
        with self._lock:
            # The lock keeps the read from ending meanwhile: the next one must not be hit.
            late = self._deadline is not None and time.monotonic() > self._deadline
            if late and self._connection is not None:
                driver_of(self._connection).interrupt()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            close(connection)

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    read: Callable[[Reader], Any]
    answer: asyncio.Future[Any]
    asked_at: float = field(default_factory=time.monotonic)


class _Lane:
    """Reads of one kind that wait, the oldest first, and how many were taken."""

    def __init__(self) -> None:
        self.waiting: deque[_Job] = deque()
        self.taken = 0
        self._seen = 0

    def next(self) -> _Job | None:
        try:
            job = self.waiting.popleft()
        except IndexError:
            return None
        # Several threads may count at once and lose one; whoever watches only wants to see that it moves.
        self.taken += 1
        return job

    def stands_still(self) -> bool:
        """Whether some wait and none was taken since this was asked before."""

        stands = bool(self.waiting) and self._seen == self.taken
        self._seen = self.taken
        return stands

    def waited(self) -> float:
        """For how many seconds the oldest has waited."""

        try:
            return time.monotonic() - self.waiting[0].asked_at
        except IndexError:
            return 0.0


class ReaderThreads:
    """`count` threads that answer reads, searches behind all others, else in the order of asking; a read longer than
    `time_limit` seconds is ended, a search that has waited longer than `longest_wait` isn't begun."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        count: int,
        time_limit: float,
        longest_wait: float = LONGEST_WAIT_S,
    ) -> None:
        self._connect = connect
        self._count = count
        self._time_limit = time_limit
        self._longest_wait = longest_wait
        self._others, self._searches = _Lane(), _Lane()
        self._calls: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._help: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._help_others: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._readers: list[Reader] = []
        self._watching = False

    def start(self) -> None:
        """Start the threads; answers go to the running event loop."""

        self._loop = asyncio.get_running_loop()
        self._readers = [Reader(self._connect, self._time_limit) for _ in range(self._count)]
        work = [self._run, *[self._help_out] * (self._count - 2), *[self._help_out_others] * (self._count > 1)]
        self._threads = [
            threading.Thread(
                target=target,
                args=(self._loop, reader),
                name=f"sqlite-reader-{number}",
                daemon=True,
            )
            for number, (target, reader) in enumerate(zip(work, self._readers, strict=True))
        ]
        for thread in self._threads:
            thread.start()

    async def stop(self) -> None:
        """Answer what was asked, then end the threads."""

        threads, self._threads = self._threads, []
        if threads:
            self._calls.put(False)
        for _ in threads[1:]:
            self._help.put(False)
        self._help_others.put(False)
        for thread in threads:
            await asyncio.to_thread(thread.join)

    @property
    def running(self) -> bool:
        """Whether reads are taken: between start and stop."""
        return bool(self._threads)

    async def read(self, read: Callable[[Reader], T]) -> T:
        """The result of a read that ends soon, run on the next free thread."""
        return await self._submit(self._others, read)

    async def search(self, read: Callable[[Reader], T]) -> T:
        """The result of a read that may take long.

        :raises Overloaded: also where others wait too long.
        """

        refuse_impatiently(self._searches.waited())
        asked = time.monotonic()

        def in_time(reader: Reader) -> T:
            refuse_belatedly(time.monotonic() - asked, self._longest_wait)
            return read(reader)

        return await self._submit(self._searches, in_time)

    async def _submit(self, lane: _Lane, read: Callable[[Reader], T]) -> T:
        if self._loop is None or not self._threads:
            raise DatabaseUnavailable("The database is not running. Try again once the service is up.")
        if len(lane.waiting) >= QUEUE_LIMIT:
            raise Overloaded(f"{QUEUE_LIMIT} reads are waiting already. Try again in a few seconds.")
        answer: asyncio.Future[T] = self._loop.create_future()
        lane.waiting.append(_Job(read, answer))
        self._calls.put(True)
        if not self._watching:
            self._watching = True
            self._loop.call_later(_PATIENCE_S, self._watch)
        return await answer

    def _watch(self) -> None:
        """As long as something is read or waits for it, look now and then whether it goes on; on the event loop's
        thread."""

        for reader in self._readers:
            reader.end_if_late()
        if self._others.stands_still():
            self._help_others.put(True)
        if self._searches.stands_still():
            self._help.put(True)
        waiting = self._others.waiting or self._searches.waiting
        self._watching = bool(waiting) or any(reader.is_reading for reader in self._readers)
        if self._watching:
            assert self._loop is not None
            self._loop.call_later(_PATIENCE_S, self._watch)

    def _next(self) -> _Job | None:
        return self._others.next() or self._searches.next()

    def _run(self, loop: asyncio.AbstractEventLoop, reader: Reader) -> None:
        """The first thread: answer whatever comes, until the end. A call may be for what a helper has taken."""

        while self._calls.get():
            job = self._next()
            if job is not None and not self._answer(loop, reader, job):
                return
        while (job := self._next()) is not None:  # the end: all that was asked before it
            if not self._answer(loop, reader, job):
                return
        reader.close()

    def _help_out(self, loop: asyncio.AbstractEventLoop, reader: Reader) -> None:
        """Another thread: when woken, answer what waits, and sleep again."""
        self._help_with(self._help, self._next, loop, reader)

    def _help_out_others(self, loop: asyncio.AbstractEventLoop, reader: Reader) -> None:
        """The last thread, which no search holds up."""
        self._help_with(self._help_others, self._others.next, loop, reader)

    def _help_with(
        self,
        woken: queue.SimpleQueue[bool],
        following: Callable[[], _Job | None],
        loop: asyncio.AbstractEventLoop,
        reader: Reader,
    ) -> None:
        while woken.get():
            while (job := following()) is not None:
                if not self._answer(loop, reader, job):
                    return
        reader.close()

    def _answer(self, loop: asyncio.AbstractEventLoop, reader: Reader, job: _Job) -> bool:
        """Whether there is still a loop to answer to."""

        if job.answer.cancelled():
            return True
        result: object = None
        failure: Exception | None = None
        try:
            result = reader.answer(job.read)
        except Exception as error:  # noqa: BLE001 - it belongs to the caller
            failure = error
        try:
            loop.call_soon_threadsafe(settle, job.answer, result, failure)
        except RuntimeError:
            reader.close()
            return False  # the loop was closed without stop(): nobody is left to answer
        return True

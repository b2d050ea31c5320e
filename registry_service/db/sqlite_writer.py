"""The one thread that writes to a SQLite file.

A disk can make some hundred commits a second, each waiting for the platter or the flash; but one commit may carry
many commands. So whatever has gathered while the last commit was on its way goes into the next one, each command
behind a savepoint of its own, and all of them are answered once the COMMIT has returned:

    BEGIN IMMEDIATE
        SAVEPOINT command … RELEASE                         a command that worked
        SAVEPOINT command … ROLLBACK TO command, RELEASE    one that raised: only its own changes are undone
    COMMIT

The danger is in an error that takes more with it than its own statement. When the disk is full, SQLite may roll back
the *whole* transaction (https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction). The next
SAVEPOINT would then silently open a transaction of its own, and the commands before it would be acknowledged although
they are gone. Hence one rule, in `_run_job`: not in a transaction any more → the group is over,
and every command in it fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from registry_service.db.answers import settle
from registry_service.db.sqlite_connection import close, driver_of, unavailability
from registry_service.domain.errors import DatabaseUnavailable, Overloaded, RegistryError
from registry_service.failpoints import reach

T = TypeVar("T")
Command = Callable[[Connection], Any]

GROUP_LIMIT = 64
QUEUE_LIMIT = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    command: Command
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: object = None
    error: Exception | None = None


class TransactionLost(Exception):
    """The driver is no longer in the group's transaction."""


class Commits:
    """Counts commits, so that what was read can be known to be as it was. Written by one thread, read by any."""

    def __init__(self) -> None:
        self._count = 0
        self._on_its_way = False

    @property
    def count(self) -> int | None:
        """How many there have been; None while one is on its way, when some may see it already and others not yet.

        A read that began at a count has seen nothing older; if the count is the same now, nothing newer exists.
        """
        # In this order: a commit that begins in between has not been told to anybody yet.
        return None if self._on_its_way else self._count

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Around a commit. One that failed counts too: the disk may have kept it."""
        self._on_its_way = True
        try:
            yield
        finally:
            self._count += 1
            self._on_its_way = False


class GroupCommitWriter:
    """Runs commands on a thread of its own, in groups that share one commit.

    `connect` is called on that thread: at first, and again after a group has failed, since the state of a connection
    after a failed disk is best not reasoned about. It gives an SQLAlchemy connection in driver autocommit mode.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self.commits = Commits()
        self._connect = connect
        self._connection: Connection | None = None
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; answers go to the running event loop."""

        self._loop = asyncio.get_running_loop()
        # A daemon: a process that must end doesn't wait for commands that nobody waits for. A commit is atomic.
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Run what was accepted, then end the thread."""

        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    async def submit(self, command: Callable[[Connection], T]) -> T:
        """Run `command` in the next group. A caller who stops waiting before its turn takes the command back."""

        if self._loop is None or self._thread is None:
            raise DatabaseUnavailable("The database is not running. Try again once the service is up.")
        if self._queue.qsize() >= QUEUE_LIMIT:
            raise Overloaded(f"{QUEUE_LIMIT} writes are waiting already. Try again in a few seconds.")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Job(command, answer))
        return await answer

    # ------------------------------------------------------------------------------------- on the writer's thread

    def _run(self) -> None:
        assert self._loop is not None
        while group := self._next_group():
            outcomes = self._run_group(group)
            try:
                self._loop.call_soon_threadsafe(_settle, group, outcomes)
            except RuntimeError:
                break  # the loop was closed without stop(): nobody is left to answer
            reach("writer.answered")
        self._close()

    def _next_group(self) -> list[_Job]:
        """Wait for a command and take those that wait with it; an empty group is the end."""

        group: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            group.append(job)
            if len(group) == GROUP_LIMIT or self._queue.empty():
                return group
            job = self._queue.get()
        if group:
            self._queue.put(None)
        return group

    def _run_group(self, group: Sequence[_Job]) -> list[_Outcome]:
        try:
            if self._connection is None:
                self._connection = self._connect()
            driver = driver_of(self._connection)
            driver.execute("BEGIN IMMEDIATE")
            reach("writer.begun")
            outcomes = [self._run_job(self._connection, driver, job) for job in group]
            reach("writer.before_commit")
            with self.commits.counted():
                self._commit(driver)
            reach("writer.committed")
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody in the group may be told of success
            self._close()
            return [_Outcome(error=_group_failure(error)) for _ in group]
        return outcomes

    def _run_job(self, connection: Connection, driver: sqlite3.Connection, job: _Job) -> _Outcome:
        if job.answer.cancelled():
            return _Outcome()
        driver.execute("SAVEPOINT command")
        try:
            result = job.command(connection)
        except Exception as error:  # noqa: BLE001 - it belongs to the caller
            self._require_transaction(driver, error)
            self._undo(driver)
            return _Outcome(error=_command_failure(error))
        self._require_transaction(driver, None)
        driver.execute("RELEASE command")
        reach("writer.command_done")
        return _Outcome(result)

    def _require_transaction(self, driver: sqlite3.Connection, cause: Exception | None) -> None:
        if not driver.in_transaction:
            raise TransactionLost from cause

    def _undo(self, driver: sqlite3.Connection) -> None:
        driver.execute("ROLLBACK TO command")
        driver.execute("RELEASE command")

    def _commit(self, driver: sqlite3.Connection) -> None:
        # By statement, not by driver.commit(), which does nothing, silently, where no transaction is open.
        driver.execute("COMMIT")

    def _close(self) -> None:
        """Drop the connection, and with it whatever is uncommitted."""

        connection, self._connection = self._connection, None
        if connection is not None:
            close(connection)


def _settle(group: Sequence[_Job], outcomes: Sequence[_Outcome]) -> None:
    for job, outcome in zip(group, outcomes, strict=True):
        settle(job.answer, outcome.result, outcome.error)


def _command_failure(error: Exception) -> Exception:
    failure = unavailability(error)
    if failure is None:
        return error
    failure.__cause__ = error
    return failure


def _group_failure(error: Exception) -> RegistryError:
    # What happened to the disk may stand behind what a command made of it.
    cause: BaseException | None = error
    failure: RegistryError | None = None
    while cause is not None and failure is None:
        failure = unavailability(cause)
        cause = cause.__cause__ or cause.__context__
    failure = failure or DatabaseUnavailable("The database gave up the transaction; nothing was kept. Try again.")
    failure.__cause__ = error
    return failure

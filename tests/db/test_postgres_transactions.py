"""What statements that the driver gets directly share with those of SQLAlchemy: one transaction, on one connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Connection, bindparam, select, update

from registry_service.db.postgres import PostgresDatabase
from registry_service.db.postgres_connection import create_engine, fetch
from registry_service.db.prepared import Prepared
from registry_service.domain.errors import DatabaseUnavailable
from tests.db.counters import add, counters, increment, make_counters, value_of
from tests.fixtures_database import PostgresServer

pytestmark = pytest.mark.postgres

VALUE = Prepared(select(counters.c.value).where(counters.c.name == bindparam("name")))
SET = Prepared(update(counters).where(counters.c.name == bindparam("which")).values(value=bindparam("new")))


@pytest.fixture
async def database(postgres_server: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    """With one connection for writes, so that what one leaves behind is what the next one finds."""
    name = await postgres_server.create()
    database = PostgresDatabase(postgres_server.url(name), writers=1, views=1, readers=1)
    await database.start()
    await make_counters(database, "hits")
    yield database
    await database.stop()
    await postgres_server.drop(name)


def set_and(then: Callable[[Connection], object]) -> Callable[[Connection], object]:
    def command(connection: Connection) -> object:
        assert SET.change(connection, which="hits", new=7) == 1
        return then(connection)

    return command


def sleep(connection: Connection) -> None:
    fetch(connection, "SELECT pg_sleep(30)", ())


def fail(connection: Connection) -> None:
    fetch(connection, "SELECT 1/0", ())


def swallow(connection: Connection) -> None:
    with contextlib.suppress(Exception):
        fail(connection)


def end_oneself(connection: Connection) -> None:
    fetch(connection, "SELECT pg_terminate_backend(pg_backend_pid())", ())


async def test_what_a_cancelled_command_did_is_undone_before_the_next_begins(database: PostgresDatabase) -> None:
    writing = asyncio.ensure_future(database.write(set_and(sleep)))
    await asyncio.sleep(0.2)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await asyncio.wait_for(database.write(increment("hits")), 5) == 1


async def test_a_command_that_is_cancelled_twice_leaves_nothing_behind(database: PostgresDatabase) -> None:
    writing = asyncio.ensure_future(database.write(set_and(sleep)))
    await asyncio.sleep(0.2)
    writing.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await asyncio.wait_for(database.write(increment("hits")), 5) == 1


async def test_what_a_failing_command_did_is_undone(database: PostgresDatabase) -> None:
    with pytest.raises(Exception, match="division by zero"):
        await database.write(set_and(fail))
    assert await database.write(increment("hits")) == 1


async def test_a_command_that_goes_on_behind_a_failed_statement_is_told_that_nothing_was_kept(
    database: PostgresDatabase,
) -> None:
    with pytest.raises(RuntimeError, match="nothing was kept"):
        await database.write(set_and(swallow))
    assert await database.view(value_of("hits")) == 0


async def test_a_connection_that_ends_under_the_driver_is_a_refusal_and_is_replaced(
    database: PostgresDatabase,
) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.write(set_and(end_oneself))
    assert await database.write(increment("hits")) == 1


async def test_a_view_is_one_snapshot_and_never_writes(database: PostgresDatabase) -> None:
    seen, written = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        await seen.wait()
        await database.write(increment("hits"))
        written.set()

    def look(connection: Connection) -> list[int]:
        before = VALUE.value(connection, name="hits")
        seen.set()
        # The event loop runs on while the driver waits.
        while not written.is_set():
            fetch(connection, "SELECT pg_sleep(0.05)", ())
        return [before, VALUE.value(connection, name="hits"), value_of("hits")(connection)]

    writing = asyncio.ensure_future(write())
    assert await asyncio.wait_for(database.view(look), 10) == [0, 0, 0]
    await writing
    assert await database.view(value_of("hits")) == 1
    with pytest.raises(Exception, match="read-only transaction"):
        await database.view(set_and(fail))


async def test_a_statement_outside_of_a_transaction_is_a_mistake(database: PostgresDatabase) -> None:
    engine = create_engine(database.dsn, {}, size=1)
    async with engine.connect() as connection:
        with pytest.raises(RuntimeError, match="outside of a transaction"):
            await connection.run_sync(lambda sync: VALUE.value(sync, name="hits"))
    await engine.dispose()


async def test_changes_by_both_ways_are_committed_together(database: PostgresDatabase) -> None:
    await database.write(set_and(add("other")))
    assert await database.view(value_of("hits")) == 7
    assert await database.view(value_of("other")) == 1

"""What a server may do to its clients: end connections, find deadlocks, refuse, run out of connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, text, update

from registry_service.db.patience import PATIENCE_WITH_SEARCHES_S
from registry_service.db.postgres import VIEWS_KEPT, PostgresDatabase
from registry_service.db.query import first
from registry_service.domain.errors import DatabaseUnavailable, Overloaded
from tests.db.counters import Command, counters, increment, make_counters, value_of
from tests.fixtures_database import PostgresServer

pytestmark = pytest.mark.postgres

ONE = first(text("SELECT 1"), lambda row: row[0])


@pytest.fixture
async def database(postgres_server: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    name = await postgres_server.create()
    database = PostgresDatabase(postgres_server.url(name), writers=4, readers=2)
    await database.start()
    yield database
    await database.stop()
    await postgres_server.drop(name)


async def end_connections(server: PostgresServer) -> None:
    await server.statement(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'model-registry' AND pid <> pg_backend_pid()"
    )


async def test_searches_without_number_hold_up_no_other_read(postgres_server: PostgresServer) -> None:
    name = await postgres_server.create()
    database = PostgresDatabase(postgres_server.url(name), writers=1, views=VIEWS_KEPT + 1, readers=1)
    await database.start()
    wait = text("SELECT pg_sleep(0.4)")
    searches = [
        asyncio.create_task(database.search(lambda connection: connection.execute(wait).all())) for _ in range(8)
    ]
    await asyncio.sleep(0.1)
    for _ in range(10):
        assert await database.view(lambda connection: connection.execute(text("SELECT 1")).scalar_one()) == 1
    assert not all(task.done() for task in searches[:2]), "the views waited for a search"
    await asyncio.sleep(PATIENCE_WITH_SEARCHES_S)
    with pytest.raises(Overloaded):
        await database.search(lambda connection: connection.execute(wait).all())
    await asyncio.gather(*searches)
    await database.search(lambda connection: connection.execute(wait).all())
    await database.stop()
    await postgres_server.drop(name)


async def test_connections_that_the_server_closed_are_replaced_unnoticed(
    database: PostgresDatabase, postgres_server: PostgresServer
) -> None:
    await make_counters(database, "hits")
    await asyncio.gather(*(database.read(ONE) for _ in range(8)), *(database.view(value_of("hits")) for _ in range(8)))
    await end_connections(postgres_server)
    assert await database.write(increment("hits")) == 1
    assert await database.view(value_of("hits")) == 1
    assert await asyncio.gather(*(database.read(ONE) for _ in range(8))) == [1] * 8


async def test_reading_while_connections_are_cut_is_never_a_fault(
    database: PostgresDatabase, postgres_server: PostgresServer
) -> None:
    """Between a server's last words on a connection and its end lies a moment in which the driver has no words for
    what is asked of it."""
    cutting = True

    async def read_on() -> None:
        while cutting:
            with contextlib.suppress(DatabaseUnavailable):
                assert await database.read(ONE) == 1

    readers = [asyncio.create_task(read_on()) for _ in range(4)]
    for _ in range(150):
        await end_connections(postgres_server)
    cutting = False
    await asyncio.gather(*readers)


async def test_a_connection_lost_in_a_command_is_a_refusal_that_may_be_tried_again(
    database: PostgresDatabase, postgres_server: PostgresServer
) -> None:
    await make_counters(database, "hits")

    def command(connection: Connection) -> None:
        connection.execute(update(counters).values(value=1))
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable) as caught:
        await database.write(command)
    assert caught.value.retryable
    assert await database.view(value_of("hits")) == 0


async def test_a_deadlock_is_resolved_by_running_one_command_again(database: PostgresDatabase) -> None:
    await make_counters(database, "a", "b")
    runs = []

    def both(names: str) -> Command[None]:
        def command(connection: Connection) -> None:
            runs.append(names)
            for name in names:
                connection.execute(update(counters).where(counters.c.name == name).values(value=counters.c.value + 1))
                connection.exec_driver_sql("SELECT pg_sleep(0.05)")

        return command

    await asyncio.gather(database.write(both("ab")), database.write(both("ba")))
    assert len(runs) > 2
    assert await database.view(value_of("a")) == await database.view(value_of("b")) == 2


async def test_a_serialization_failure_runs_the_command_again(database: PostgresDatabase) -> None:
    await make_counters(database, "hits")
    runs = []

    def command(connection: Connection) -> None:
        runs.append(1)
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        value = connection.execute(text("SELECT value FROM counters")).scalar_one()
        connection.exec_driver_sql("SELECT pg_sleep(0.02)")
        connection.execute(update(counters).values(value=value + 1))

    await asyncio.gather(database.write(command), database.write(command))
    assert len(runs) > 2
    assert await database.view(value_of("hits")) == 2


async def test_a_server_that_is_not_there_is_a_refusal(postgres_server: PostgresServer) -> None:
    for url in ("postgresql://postgres@127.0.0.1:1/none", postgres_server.url("no_such_database")):
        database = PostgresDatabase(url)
        with pytest.raises(DatabaseUnavailable):
            await database.start()
        with pytest.raises(DatabaseUnavailable):
            await database.read(ONE)


async def test_commands_wait_for_a_free_connection_rather_than_fail(database: PostgresDatabase) -> None:
    await make_counters(database, "hits")
    await asyncio.gather(*(database.write(increment("hits")) for _ in range(40)))
    assert await database.view(value_of("hits")) == 40

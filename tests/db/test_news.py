"""Processes on one PostgreSQL hear of each other's events as they are committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Connection, insert

from registry_service.db.locks import lock_event_log
from registry_service.db.news import last_seq_telling
from registry_service.db.postgres import PostgresDatabase
from registry_service.db.tables import events
from registry_service.domain.errors import DatabaseUnavailable
from tests.fixtures_database import PostgresServer
from tests.services.world import START

pytestmark = pytest.mark.postgres


@pytest.fixture
async def replicas(postgres_server: PostgresServer) -> AsyncIterator[tuple[PostgresDatabase, PostgresDatabase]]:
    name = await postgres_server.create_migrated()
    both = PostgresDatabase(postgres_server.url(name)), PostgresDatabase(postgres_server.url(name))
    for one in both:
        await one.start()
    yield both
    for one in both:
        await one.stop()
    await postgres_server.drop(name)


def append(count: int, *, fails: bool = False) -> Callable[[Connection], int]:
    def command(connection: Connection) -> int:
        lock_event_log(connection)
        first = last_seq_telling(connection, count) + 1
        for seq in range(first, first + count):
            connection.execute(insert(events).values(seq=seq, at=START, kind="model.created", actor="ada", data={}))
        if fails:
            raise ZeroDivisionError
        return first + count - 1

    return command


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - whatever it is that changes
            await asyncio.sleep(0.01)


async def test_what_one_commits_the_other_hears_of(replicas: tuple[PostgresDatabase, PostgresDatabase]) -> None:
    writer, reader = replicas
    await writer.write(append(2))
    heard: list[int] = []
    hearing = asyncio.create_task(reader.hear(heard.append))
    await until(lambda: heard == [2])  # what was there before
    await writer.write(append(3))
    await until(lambda: heard == [2, 5])
    with pytest.raises(ZeroDivisionError):
        await writer.write(append(1, fails=True))
    await writer.write(append(1))
    await until(lambda: heard[-1] == 6)
    assert heard == [2, 5, 6], "of what was undone nothing is told"
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)


async def test_a_lost_connection_is_told_and_the_next_one_hears_what_was_missed(
    replicas: tuple[PostgresDatabase, PostgresDatabase], postgres_server: PostgresServer
) -> None:
    writer, reader = replicas
    heard: list[int] = []
    hearing = asyncio.create_task(reader.hear(heard.append))
    await until(lambda: heard == [0])
    await postgres_server.statement(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT max(seq)%'"
    )
    with pytest.raises(DatabaseUnavailable):
        await asyncio.wait_for(hearing, 10)
    await writer.write(append(1))
    assert heard == [0]
    hearing = asyncio.create_task(reader.hear(heard.append))
    await until(lambda: heard == [0, 1])
    await writer.write(append(1))
    await until(lambda: heard == [0, 1, 2])
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)

"""A cursor that reads "everything after the last number that I saw" skips nothing.

Eight writers append to a log, each pausing somewhere before its commit, while a reader follows.
"""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import Protocol

import pytest
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, bindparam, func, insert, select

from registry_service.db.database import Database
from registry_service.db.locks import lock_event_log
from registry_service.db.query import Query, many

metadata = MetaData()
log = Table(
    "log",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("writer", Integer),
)
after: Query[list[int]] = many(
    select(log.c.seq).where(log.c.seq > bindparam("cursor")).order_by(log.c.seq), lambda row: int(row[0])
)

WRITERS = 8
EACH = 25


class Append(Protocol):
    def __call__(self, connection: Connection, *, writer: int, seconds: float) -> None: ...


def pause(connection: Connection, seconds: float) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_sleep({seconds})")


def in_commit_order(connection: Connection, *, writer: int, seconds: float) -> None:
    pause(connection, seconds)
    lock_event_log(connection)
    newest = connection.execute(select(func.coalesce(func.max(log.c.seq), 0))).scalar_one()
    connection.execute(insert(log).values(seq=newest + 1, writer=writer))


def from_a_sequence(connection: Connection, *, writer: int, seconds: float) -> None:
    """The planted fault: the number is taken in one order, and committed in another."""
    seq = connection.exec_driver_sql("SELECT nextval('numbers')").scalar_one()
    connection.execute(insert(log).values(seq=seq, writer=writer))
    pause(connection, seconds)


async def skipped(database: Database, append: Append) -> int:
    """How many events a follower never saw."""
    await database.write(metadata.create_all)
    finished = asyncio.Event()
    chance = random.Random(7)

    async def write(writer: int) -> None:
        for _ in range(EACH):
            seconds = chance.uniform(0, 0.004)
            await database.write(partial(append, writer=writer, seconds=seconds))

    async def follow() -> set[int]:
        seen: set[int] = set()
        cursor = 0
        last_round = False
        while True:
            news: list[int] = await database.read(after, cursor=cursor)
            seen.update(news)
            cursor = max(news, default=cursor)
            if last_round:
                return seen
            last_round = finished.is_set()
            await asyncio.sleep(0.0005)

    following = asyncio.ensure_future(follow())
    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    finished.set()
    seen = await following
    written: list[int] = await database.read(after, cursor=0)
    assert len(written) == WRITERS * EACH
    return len(set(written) - seen)


async def test_a_cursor_never_skips_an_event(empty_database: Database) -> None:
    assert await skipped(empty_database, in_commit_order) == 0
    assert await empty_database.read(after, cursor=0) == list(range(1, WRITERS * EACH + 1))


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_the_same_reader_skips_events_that_take_their_number_from_a_sequence(empty_database: Database) -> None:
    await empty_database.write(lambda connection: connection.exec_driver_sql("CREATE SEQUENCE numbers").close())
    assert await skipped(empty_database, from_a_sequence) > 0

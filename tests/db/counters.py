"""A table of counters, and commands that would lose updates if transactions were not what they promise to be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select, update

from registry_service.db.database import Database

T = TypeVar("T")
Command = Callable[[Connection], T]
Write = Callable[[Command[int]], Awaitable[int]]

metadata = MetaData()
counters = Table("counters", metadata, Column("name", String(40), primary_key=True), Column("value", Integer))


async def make_counters(database: Database, *names: str) -> None:
    def command(connection: Connection) -> None:
        metadata.create_all(connection)
        for name in names:
            connection.execute(insert(counters).values(name=name, value=0))

    await database.write(command)


def increment(name: str, *, locking: bool = True) -> Command[int]:
    """Read, think for a moment, write back what was read plus one."""

    def command(connection: Connection) -> int:
        statement = select(counters.c.value).where(counters.c.name == name)
        value = connection.execute(statement.with_for_update() if locking else statement).scalar_one()
        time.sleep(0.002)
        connection.execute(update(counters).where(counters.c.name == name).values(value=value + 1))
        return int(value) + 1

    return command


def add(name: str) -> Command[str]:
    def command(connection: Connection) -> str:
        connection.execute(insert(counters).values(name=name, value=1))
        return name

    return command


def fail_after_adding(name: str) -> Command[str]:
    def command(connection: Connection) -> str:
        connection.execute(insert(counters).values(name=name, value=1))
        raise LookupError(name)

    return command


def names_of(connection: Connection) -> set[str]:
    return set(connection.execute(select(counters.c.name)).scalars())


def value_of(name: str) -> Command[int]:
    return lambda connection: connection.execute(select(counters.c.value).where(counters.c.name == name)).scalar_one()


async def lost_updates(database: Database, write: Write, command: Command[int], name: str) -> int:
    """How many of twenty concurrent increments of a fresh counter are missing at the end."""

    await asyncio.gather(*(write(command) for _ in range(20)))
    return 20 - await database.view(value_of(name))

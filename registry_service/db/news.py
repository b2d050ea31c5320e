"""How the processes on one PostgreSQL tell each other of new events: NOTIFY inside the commit, LISTEN on a connection
of its own. What is told is the number alone; whoever hears it reads the log.

https://www.postgresql.org/docs/current/sql-notify.html: a notification is delivered after the commit, or never.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Text, bindparam, cast, func, literal, select

from registry_service.db.prepared import Prepared
from registry_service.db.tables import events
from registry_service.domain.errors import DatabaseUnavailable

CHANNEL: Final = "model_registry_events"

_ALIVE_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 10.0

_LAST = func.max(events.c.seq)
_ON_SQLITE: Final = Prepared(select(_LAST))
# In one statement, as each round trip in here keeps all other writers waiting.
_ON_POSTGRES: Final = Prepared(
    select(
        _LAST,
        func.pg_notify(
            literal(CHANNEL, Text),
            cast(func.coalesce(_LAST, 0) + bindparam("count", type_=BigInteger), Text),
        ),
    )
)


def last_seq_telling(connection: Connection, count: int) -> int:
    """The last number in the log, 0 where it is empty. At the commit, all who listen are told that it has grown by
    `count`."""

    if connection.dialect.name == "sqlite":
        return _ON_SQLITE.value(connection) or 0
    return _ON_POSTGRES.value(connection, count=count) or 0


async def listen(connection: Any, told: Callable[[int], None]) -> None:  # noqa: ANN401 - asyncpg has no types
    """Call `told` with the last number in the log, at first and as it grows, until the connection is lost.

    :raises DatabaseUnavailable: it is.
    """

    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    await connection.add_listener(CHANNEL, lambda _connection, _pid, _channel, number: told(int(number)))
    # What was committed before is not notified of any more.
    told(await connection.fetchval("SELECT max(seq) FROM events") or 0)
    while not lost.is_set():
        try:
            await asyncio.wait_for(lost.wait(), _ALIVE_SECONDS)
        except TimeoutError:
            # A connection that something on the way has forgotten looks like one on which nothing happens.
            await connection.fetchval("SELECT 1", timeout=_ANSWER_SECONDS)
    raise DatabaseUnavailable("The connection that tells of other processes' events was lost. It is made again.")

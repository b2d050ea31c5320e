"""One look at a database from outside the service, which may be running: for checks, backups, and a service that is
down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from registry_service.db import postgres_connection as postgres
from registry_service.db.engine import locate
from registry_service.db.migrate import current_of_connection, head
from registry_service.db.sqlite import create_engine
from registry_service.db.sqlite_connection import driver_of, unavailability
from registry_service.domain.errors import DatabaseUnavailable

T = TypeVar("T")

_NONE: Final = "There is no registry in this database. Check MODEL_REGISTRY_HOME and MODEL_REGISTRY_DATABASE_URL."


async def inspect(url: str, look: Callable[[Connection], T]) -> T:
    """Run `look`, which can't write, on one snapshot of committed data, for as long as it takes.

    Raises DatabaseUnavailable where the database can't be reached, doesn't exist, or is of another release.
    """

    def look_at_known(connection: Connection) -> T:
        found = current_of_connection(connection)
        if found is None:
            raise DatabaseUnavailable(_NONE)
        if found != head():
            raise DatabaseUnavailable(
                f"The database is at revision {found}, and this release works with {head()}. Start the service of this"
                " release once, which migrates it, or use the release that wrote it."
            )
        return look(connection)

    location = locate(url)
    if isinstance(location, str):
        return await _in_postgres_snapshot(location, look_at_known)
    if not location.exists():
        raise DatabaseUnavailable(_NONE)
    return await asyncio.to_thread(_in_sqlite_snapshot, location, look_at_known)


def _in_sqlite_snapshot(path: Path, look: Callable[[Connection], T]) -> T:
    try:
        with create_engine(path, {"query_only": "ON"}).connect() as connection:
            driver = driver_of(connection)
            driver.execute("BEGIN")
            try:
                return look(connection)
            finally:
                driver.rollback()
    except Exception as error:
        raise unavailability(error) or error from error


async def _in_postgres_snapshot(dsn: str, look: Callable[[Connection], T]) -> T:
    engine = postgres.create_engine(dsn, {"jit": "off"}, size=1)
    try:
        async with postgres.transaction(engine, postgres.SNAPSHOT, size=1) as connection:
            return await connection.run_sync(look)
    except Exception as error:
        raise postgres.translated(error) from error
    finally:
        await engine.dispose()

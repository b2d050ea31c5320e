"""What each act of a promotion asks is found by an index: it costs the same however long a model's past is."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_service.db.migrate import upgrade
from registry_service.db.prepared import Prepared
from registry_service.db.queries import facts, promotions
from registry_service.db.query import DIALECTS, compile_statement

ASKED = {
    "ix_stage_history_model_id_stage_number": facts._NEWEST_STANDING,
    "ix_promotions_model_id_stage_phase": facts._OPEN,
    "ix_promotions_model_id_phase": promotions._OPEN,
    "ix_versions_digest_model_id_number": facts._BROUGHT_BEFORE,
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path: Path = tmp_path_factory.mktemp("plans") / "registry.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def plan(connection: sqlite3.Connection, statement: Prepared) -> list[str]:
    compiled = compile_statement(statement.statement, DIALECTS["sqlite"]())
    rows = connection.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", [None] * len(compiled.parameters))
    return [str(row[3]) for row in rows]


@pytest.mark.parametrize("index", ASKED)
def test_an_index_finds_it(database: sqlite3.Connection, index: str) -> None:
    steps = plan(database, ASKED[index])
    assert any(f" {index} " in step for step in steps), steps


def test_the_newest_version_of_a_stage_is_found_from_above_and_not_by_sorting(database: sqlite3.Connection) -> None:
    steps = plan(database, facts._NEWEST_STANDING)
    assert not any("TEMP B-TREE" in step for step in steps), steps

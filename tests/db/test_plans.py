"""What each act of a promotion asks is found by an index: it costs the same however long a model's past is."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_service.db.migrate import upgrade
from registry_service.db.prepared import Prepared
from registry_service.db.queries import facts, promotions, stages
from registry_service.db.query import DIALECTS, compile_statement
from registry_service.services import judging, rollback

OPEN = "promotions USING INDEX ix_promotions_model_id_phase_stage"
FAILED = "stage_failures USING INDEX ix_stage_failures_model_id_stage_number (model_id=? AND stage=? AND number=?)"

ASKED = [
    (facts._NEWER_STANDING, "ix_stage_history_model_id_stage_number (model_id=? AND stage=? AND number>?)"),
    (facts._NEWER_STANDING, FAILED),
    (facts._OPEN, f"{OPEN} (model_id=? AND phase=? AND stage=?)"),
    (promotions._OPEN, f"{OPEN} (model_id=? AND phase=?)"),
    (facts._BROUGHT_BEFORE, "ix_versions_digest_model_id_number (digest=? AND model_id=? AND number<?)"),
    (
        facts._SPELLS,
        "stage_history USING INDEX ix_stage_history_model_id_stage_number (model_id=? AND stage=? AND number=?)",
    ),
    (facts._SPELLS, "next USING INDEX ix_stage_history_model_id_stage_id (model_id=? AND stage=? AND id>?)"),
    (stages._FAILED_AMONG, "versions USING INDEX sqlite_autoindex_versions_1 (model_id=? AND number=?)"),
    (stages._FAILED_AMONG, "twin USING INDEX ix_versions_digest_model_id_number (digest=? AND model_id=?)"),
    (stages._FAILED_AMONG, FAILED),
    (rollback._REVOKED_AMONG, "withdrawn USING INDEX ix_versions_digest_model_id_number (digest=? AND model_id=?)"),
    (judging._RUNNING, "ix_deployments_promotion_id (promotion_id=?)"),
]


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


@pytest.mark.parametrize(("statement", "index"), ASKED, ids=[index for _, index in ASKED])
def test_an_index_finds_it(database: sqlite3.Connection, statement: Prepared, index: str) -> None:
    steps = plan(database, statement)
    assert any(step.endswith(index) for step in steps), steps
    # Nothing is gone through from one end to the other, but lists that the statement was given.
    assert not any(step.startswith("SCAN") and "json_each" not in step for step in steps), steps


def test_the_newest_version_of_a_stage_is_found_from_above_and_not_by_sorting(database: sqlite3.Connection) -> None:
    steps = plan(database, facts._NEWER_STANDING)
    assert not any("TEMP B-TREE" in step for step in steps), steps

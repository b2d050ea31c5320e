"""What each act of a promotion asks is found by an index: it costs the same however long a model's past is. So is what
versions are searched by."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Select, select

from registry_service.db.migrate import upgrade
from registry_service.db.paging import PageRequest
from registry_service.db.prepared import Prepared
from registry_service.db.queries import (
    affected,
    cards,
    facts,
    forgotten,
    lineage,
    live,
    promotions,
    provenance,
    retention,
    revoked,
    stages,
    uses,
)
from registry_service.db.queries import versions as version_queries
from registry_service.db.query import DIALECTS, compile_statement
from registry_service.db.searching import searched
from registry_service.db.sqlite import create_engine
from registry_service.db.tables import models, versions
from registry_service.db.view import View
from registry_service.domain.entities import DeploymentRole, LineageKind
from registry_service.domain.permissions import Actor, Role, Scope
from registry_service.services import judging

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
    (
        facts._SPELLS,
        "next USING COVERING INDEX ix_stage_history_model_id_stage_id_at (model_id=? AND stage=? AND id>?)",
    ),
    (stages._FAILED_AMONG, "versions USING INDEX sqlite_autoindex_versions_1 (model_id=? AND number=?)"),
    (stages._FAILED_AMONG, "twin USING INDEX ix_versions_digest_model_id_number (digest=? AND model_id=?)"),
    (stages._FAILED_AMONG, FAILED),
    (revoked._REVOKED_AMONG, "withdrawn USING INDEX ix_versions_digest_model_id_number (digest=? AND model_id=?)"),
    (provenance._PROMOTIONS, "promotions USING INDEX ix_promotions_model_id_number (model_id=? AND number=?)"),
    (
        provenance._SPELLS,
        "stage_history USING INDEX ix_stage_history_model_id_stage_number (model_id=? AND stage=? AND number=?)",
    ),
    (live._STAGES, "then USING COVERING INDEX ix_stage_history_model_id_stage_id_at (model_id=? AND stage=?)"),
    (live._STAGES, "stage_history USING INTEGER PRIMARY KEY (rowid=?)"),
    (live._OBSERVED, "last USING INDEX ix_events_observations (subject=? AND at<?)"),
    (live._OBSERVED, "events USING INDEX sqlite_autoindex_events_1 (seq=?)"),
    (uses._LAST_USED, "version_uses USING INDEX sqlite_autoindex_version_uses_1 (model_id=? AND number=?)"),
    (
        uses._MODELS_LAST_USED,
        "version_uses USING COVERING INDEX ix_version_uses_model_id_last_used_at (model_id=?)",
    ),
    (cards._BY_REVISION, "model_cards USING INDEX sqlite_autoindex_model_cards_1 (model_id=? AND revision=?)"),
    (cards._BY_DIGEST, "model_cards USING INDEX ix_model_cards_model_id_digest_revision (model_id=? AND digest=?)"),
    (cards._APPROVED, "promotions USING INDEX ix_promotions_model_id_number (model_id=? AND number=?)"),
    (judging._RUNNING, "ix_deployments_promotion_id (promotion_id=?)"),
    (retention._NEXT_GOING, "ix_previewed_versions_preview_id_fate_position (preview_id=? AND fate=?)"),
    (retention._UNDER_WAY, "ix_retention_previews_under_way (expires_at>?)"),
    (
        Prepared(retention.made_from_versions_of("m")),
        "ix_version_lineage_parent_model_id_parent_number (parent_model_id=?)",
    ),
]


VIEW = View(
    connection=None,  # type: ignore[arg-type]  # with a grant on everything, sight asks the connection nothing
    actor=Actor(name="ada", is_person=True, grants=(Scope(Role.READER, "*"),)),
    now=datetime(2026, 3, 3, tzinfo=UTC),
)
FRONTIER = [("m", 1), ("n", 2)]
WALKED = [
    (lineage.edges_up(VIEW, FRONTIER), "version_lineage USING INDEX ix_version_lineage_model_id_number"),
    (lineage.versions_down(VIEW, FRONTIER), "USING INDEX ix_version_lineage_parent_model_id_parent_number"),
    (affected.children(VIEW, FRONTIER), "USING INDEX ix_version_lineage_parent_model_id_parent_number"),
    (lineage.deployments_of(VIEW, FRONTIER), "deployments USING INDEX ix_deployments_model_id_number"),
    (
        lineage.made_from(VIEW, LineageKind.DATASET, "s3://x", None),
        "ix_version_lineage_kind_ref_model_id_number (kind=? AND ref=?)",
    ),
    (lineage.made_from(VIEW, LineageKind.TASK, None, "md5:aa"), "ix_version_lineage_kind_digest (kind=? AND digest=?)"),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "registry.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path


ANSWERED_FOR = [
    (provenance.versions_with(VIEW, "sha256:0"), ["ix_versions_digest_model_id_number", "ix_version_files_digest"]),
    (
        provenance.served(VIEW, "eu", DeploymentRole.PRIMARY, VIEW.now),
        ["ix_deployments_target_started_at (target=? AND started_at<?)"],
    ),
]


@pytest.fixture(scope="module")
def database(path: Path) -> Iterator[sqlite3.Connection]:
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


@pytest.mark.parametrize(("statement", "index"), WALKED, ids=[index for _, index in WALKED])
def test_lineage_is_walked_and_found_by_an_index(
    database: sqlite3.Connection, statement: Select[Any], index: str
) -> None:
    compiled: Any = statement.compile(
        dialect=DIALECTS["sqlite"](), compile_kwargs={"render_postcompile": True, "literal_binds": True}
    )
    steps = [str(row[3]) for row in database.execute(f"EXPLAIN QUERY PLAN {compiled.string}")]
    assert any(index in step for step in steps), steps
    # The rows that are constant are the frontier itself.
    assert not any(step.startswith("SCAN") and "frontier" not in step and "CONSTANT" not in step for step in steps), (
        steps
    )


@pytest.mark.parametrize("beside", [version_queries._TAGS, version_queries._LINEAGE, version_queries._ALIASES])
def test_what_versions_of_several_models_have_beside_is_found_by_an_index(
    database: sqlite3.Connection, beside: version_queries._Beside
) -> None:
    compiled: Any = beside.among(FRONTIER).compile(
        dialect=DIALECTS["sqlite"](), compile_kwargs={"render_postcompile": True, "literal_binds": True}
    )
    steps = [str(row[3]) for row in database.execute(f"EXPLAIN QUERY PLAN {compiled.string}")]
    assert {step for step in steps if step.startswith("SCAN")} == {"SCAN 2 CONSTANT ROWS", "SCAN wanted"}, steps
    assert any("(model_id=? AND number=?)" in step or "(model_id=?)" in step for step in steps), steps


@pytest.mark.parametrize(("statement", "indexes"), ANSWERED_FOR)
def test_what_answers_for_a_digest_or_a_target_is_found_by_an_index(
    database: sqlite3.Connection, statement: Select[Any], indexes: list[str]
) -> None:
    compiled: Any = statement.compile(dialect=DIALECTS["sqlite"](), compile_kwargs={"literal_binds": True})
    steps = [str(row[3]) for row in database.execute(f"EXPLAIN QUERY PLAN {compiled.string}")]
    assert all(any(index in step for step in steps) for index in indexes), steps
    assert not any(step.startswith("SCAN") and step != "SCAN found" for step in steps), steps


STANDING = [
    "ix_deployments_model_id_ended_at_started_at (model_id=? AND ended_at=? AND started_at<?)",
    "ix_deployments_model_id_ended_at_started_at (model_id=? AND ended_at>?)",
]
LIVE = [
    (live.deployed_at(["m", "n"], None, VIEW.now), STANDING),
    (
        live.models_live(VIEW, None, None, None, VIEW.now).order_by(models.c.name_taken).limit(51),
        [
            # The names, in their order, until a page is full.
            "SCAN models USING INDEX sqlite_autoindex_models_2",
            "stage_history USING COVERING INDEX ix_stage_history_model_id_stage_id_at (model_id=?)",
            *STANDING,
        ],
    ),
]


@pytest.mark.parametrize(("statement", "indexes"), LIVE, ids=["deployments", "models"])
def test_what_was_live_is_found_without_going_through_the_past(
    database: sqlite3.Connection, statement: Select[Any], indexes: list[str]
) -> None:
    compiled: Any = statement.compile(
        dialect=DIALECTS["sqlite"](), compile_kwargs={"render_postcompile": True, "literal_binds": True}
    )
    steps = [str(row[3]) for row in database.execute(f"EXPLAIN QUERY PLAN {compiled.string}")]
    assert all(any(index in step for step in steps) for index in indexes), steps
    tables = ("deployments", "stage_history", "events", "promotions")
    assert not any(step.startswith(tuple(f"SCAN {table}" for table in tables)) for step in steps), steps


def test_descendants_are_walked_by_an_index(database: sqlite3.Connection) -> None:
    steps = plan(database, lineage._DESCENDANTS)
    index = "ix_version_lineage_parent_model_id_parent_number (parent_model_id=? AND parent_number=?)"
    assert any(step.endswith(index) for step in steps), steps
    assert not any(step.startswith("SCAN") and step != "SCAN down" for step in steps), steps


def test_the_newest_version_of_a_stage_is_found_from_above_and_not_by_sorting(database: sqlite3.Connection) -> None:
    steps = plan(database, facts._NEWER_STANDING)
    assert not any("TEMP B-TREE" in step for step in steps), steps


TAGGED = "tags.team = 'a'"
OF_ONE = [
    (None, None, "versions USING INDEX sqlite_autoindex_versions_1 (model_id=?)"),
    (None, "created_at desc", "versions USING INDEX ix_versions_model_id_created_at_number (model_id=?)"),
    (None, "metrics.auc desc", "ix_version_metrics_model_id_key_value_number (model_id=? AND key=?)"),
    (TAGGED, None, "ix_version_tags_key_value_start_model_id_number (key=? AND value_start=? AND model_id=?)"),
    ("lineage.dag_run = 'a/1'", None, "ix_version_lineage_kind_ref_model_id_number (kind=? AND ref=? AND model_id=?)"),
    (
        "checks.evaluation = 'passed'",
        None,
        "ix_checks_name_status_model_id_number (name=? AND status=? AND model_id=?)",
    ),
    ("stage = 'production'", None, "sqlite_autoindex_stages_1 (model_id=? AND name=?)"),
]
OF_ALL = [
    (None, None, "versions USING INDEX ix_versions_created_at_model_id_number"),
    (None, "metrics.auc desc", "ix_version_metrics_key_value_model_id_number (key=?)"),
]
OF_NAMED = [
    ("model = 'm'", None, "ix_versions_model_id_created_at_number (model_id=?)"),
    ("'m' = model AND framework = 'onnx'", "created_at desc", "ix_versions_model_id_created_at_number (model_id=?)"),
    ("model = 'nothing so called'", None, "(model_id=?)"),
]
OF_FEW = [
    (TAGGED, None, "ix_version_tags_key_value_start_model_id_number (key=? AND value_start=?)"),
    (
        "lineage.dataset = 's3://a'",
        "metrics.auc desc",
        "ix_version_lineage_kind_ref_model_id_number (kind=? AND ref=?)",
    ),
    ("stage = 'production'", None, "ix_stages_name_model_id (name=?)"),
    ("alias = 'champion'", "framework", "ix_aliases_name_model_id (name=?)"),
    ("checks.drift = 'failed'", "metrics.auc", "ix_checks_name_status_model_id_number (name=? AND status=?)"),
]


def searches(path: Path, where: str | None, order_by: str | None, model_id: str | None) -> list[list[str]]:
    """How the statements of a search go."""

    page = PageRequest(filter=where, order_by=order_by)
    plans = []
    engine = create_engine(path, {})
    with engine.connect() as connection:
        list_ = select(versions).join(models, models.c.id == versions.c.model_id)
        if model_id is not None:
            list_ = list_.where(versions.c.model_id == model_id)
        statement, orders = searched(connection, list_, page, model_id=model_id)
        parts, descending = orders.parts(statement, order_by)
        for part in parts:
            keys = [key.desc() if descending else key for key in part.keys]
            compiled = part.statement.order_by(*keys).limit(51).compile(connection)
            asked = [compiled.params[name] for name in compiled.positiontup or []]
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(asked)).all()
            plans.append([str(row[3]) for row in rows])
    engine.dispose()
    return plans


@pytest.mark.parametrize(
    ("where", "order_by", "index", "model_id"),
    [*((*case, "m") for case in OF_ONE), *((*case, None) for case in [*OF_ALL, *OF_NAMED])],
)
def test_an_index_has_the_hits_in_their_order(
    path: Path, where: str | None, order_by: str | None, index: str, model_id: str | None
) -> None:
    found, *_ = searches(path, where, order_by, model_id)
    assert any(index in step for step in found), found
    assert not any("TEMP B-TREE" in step for step in found), found


@pytest.mark.parametrize(("where", "order_by", "index"), OF_FEW)
def test_few_hits_are_found_by_an_index_and_sorted(path: Path, where: str, order_by: str | None, index: str) -> None:
    for found in searches(path, where, order_by, None):
        assert any(index in step for step in found), found
        assert not any(step.startswith("SCAN") for step in found), found


@pytest.mark.parametrize(
    ("column", "index"),
    [
        (versions.c.size, "versions USING INDEX ix_versions_size_model_id_number"),
        (versions.c.created_at, "versions USING INDEX ix_versions_created_at_model_id_number"),
    ],
    ids=["size", "created_at"],
)
def test_forgotten_versions_are_walked_to_in_their_order_and_not_sorted(
    database: sqlite3.Connection, column: ColumnElement[Any], index: str
) -> None:
    ordered = forgotten.forgotten_versions(VIEW, VIEW.now).order_by(
        column.desc(), versions.c.model_id.desc(), versions.c.number.desc()
    )
    steps = plan(database, Prepared(ordered.limit(51)))
    assert any(index in step for step in steps), steps
    assert not any("TEMP B-TREE" in step or (step.startswith("SCAN") and index not in step) for step in steps), steps

"""A filter finds in the database exactly the rows of whose values `matches` says so: on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Boolean, Connection, String, Table, Text, insert, literal, select
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect

from registry_service.db.engine import open_database
from registry_service.db.filterable import LISTS
from registry_service.db.filters import MAX_PATTERN, compiled, matching
from registry_service.db.tables import (
    aliases,
    checks,
    deployments,
    metadata,
    model_owners,
    model_tags,
    models,
    principals,
    promotions,
    stages,
    version_lineage,
    version_metrics,
    version_params,
    version_tags,
    version_uses,
    versions,
)
from registry_service.db.types import JsonText, UtcTimestamp
from registry_service.domain.entities import LineageKind
from registry_service.domain.errors import InvalidFilter
from registry_service.domain.expressions import Expression, Reference, Scalar, matches, parse
from registry_service.domain.metadata import INDEXED_FIELDS
from tests.domain.expressions.strategies import expressions
from tests.fixtures_database import ON_BOTH, PostgresServer

START = datetime(2026, 3, 3, tzinfo=UTC)
TEXTS = ["", "a", "A", "b", "aa", "Ab", "ß", "é", "É", "a%b", "a_b", "a\\b", "*", "?", "[a]", "^", "'", '"', "`", "-"]
TEXTS += ["a"] * 4 + ["true", "false", "0.5", "1", "ready"]
NUMBERS = [-1.0, 0.0, 0.5, 1.0, 2.0, 7.0, 1e-3, 1e12, 1e300]
OPAQUE = [kind for kind in LineageKind if kind is not LineageKind.PARENT_VERSION]
KEYS = ["a", "b", "a.b", "a b", "`", '"', "in", "1"]
FIND = {"models": models.c.name, "versions": versions.c.number, "promotions": promotions.c.id}


@dataclass(frozen=True)
class Row:
    """What a list shows of one of its rows."""

    key: object
    attributes: dict[str, Scalar | None]
    spaces: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, reference: Reference) -> Scalar | None:
        if reference.key is None:
            return self.attributes[reference.name]
        found: Scalar | None = self.spaces[reference.name].get(reference.key)
        return found


def _some(chance: random.Random, values: list[Any], keys: list[str] = KEYS) -> dict[str, Any]:
    return {key: chance.choice(values) for key in keys if chance.random() < 0.6}


def _model_rows(chance: random.Random) -> list[Row]:
    return [
        Row(
            key=f"model {number}",
            attributes={
                "name": f"model {number}",
                "owner": "ann",
                "description": chance.choice(TEXTS),
                "created_by": chance.choice(TEXTS),
                "created_at": START + timedelta(microseconds=chance.choice([0, 5, 10**9])),
                "updated_at": START,
                "archived": chance.random() < 0.5,
                "latest_version": chance.choice([None, 1]) if number else None,
                "stage": chance.choice([None, "a", "A"]) if number else "production",
                "alias": chance.choice([None, "a", "ß"]) if number else "champion",
                # Other versions than those of the first model say nothing of themselves.
                **dict.fromkeys(name for name in LISTS["models"].attributes if name.startswith("latest_version.")),
            },
            spaces={"tags": _some(chance, TEXTS)},
        )
        for number in range(30)
    ]


def _version_rows(chance: random.Random) -> list[Row]:
    def perhaps(values: list[Any]) -> Any:
        return chance.choice([None, *values])

    return [
        Row(
            key=number,
            attributes={
                "model": "model 0",
                "stage": "production" if number == 7 else None,
                "alias": "champion" if number == 3 else None,
                "target": {1: "eu", 2: "us"}.get(number),
                "last_used_at": {1: START, 2: START + timedelta(microseconds=5)}.get(number),
                **{f"lineage.{kind}": perhaps(TEXTS) for kind in OPAQUE},
                "number": number,
                "digest": f"sha256:{number:064}",
                "identity": perhaps([f"run {number}"]),
                **{name: perhaps(TEXTS) for name in INDEXED_FIELDS},
                "score": perhaps(NUMBERS),
                "size": chance.choice([0, 1, 2**53 - 1]),
                "file_count": chance.choice([0, 1, 7]),
                "description": chance.choice(TEXTS),
                "source_uri": perhaps(TEXTS),
                "created_by": chance.choice(TEXTS),
                "created_at": START + timedelta(microseconds=chance.choice([0, 5, 10**9])),
                **chance.choice([{"status": "ready", "revoked_at": None}, {"status": "revoked", "revoked_at": START}]),
            },
            spaces={
                "tags": _some(chance, TEXTS),
                "metrics": _some(chance, NUMBERS),
                "checks": _some(chance, ["passed", "failed"]),
                "params": _some(chance, [*TEXTS, *NUMBERS, True, False, 1, 7, 2**53 - 1]),
            },
        )
        for number in range(1, 201)
    ]


ROWS = {"models": _model_rows(random.Random(1)), "versions": _version_rows(random.Random(2))}


def _put(connection: Connection, table: Table, **values: Any) -> None:
    """A row; columns that must be filled and don't matter here get something of their type."""
    fillers: dict[type[Any], Any] = {UtcTimestamp: START, JsonText: [], Boolean: False, Text: "", String: ""}
    for column in table.c:
        needed = not column.nullable and column.server_default is None and column.name not in values
        if needed and not (column.primary_key and column.autoincrement is True):
            values[column.name] = fillers.get(type(column.type), 1)
    connection.execute(insert(table).values(**values))


def _fill(connection: Connection) -> None:
    metadata.create_all(connection)
    _put(connection, principals, name="ann")
    for row in ROWS["models"]:
        _put(connection, models, id=row.key, last_number=row.attributes["latest_version"] or 0, **_of(models, row))
        _put(connection, model_owners, model_id=row.key, owner=row.attributes["owner"])
        for key, value in row.spaces["tags"].items():
            _put(connection, model_tags, model_id=row.key, key=key, value=value)
    for row in ROWS["models"][1:]:
        _put(connection, versions, model_id=row.key, number=1)
        _point(connection, row, model_id=row.key, number=1)
    for row in ROWS["versions"]:
        _put(connection, versions, model_id="model 0", **_of(versions, row))
        _point(connection, row, model_id="model 0", number=row.key)
        _surround(connection, row, model_id="model 0", number=row.key)
    _fill_promotions(connection)


def _surround(connection: Connection, row: Row, **owner: Any) -> None:
    """What other tables hold of a version."""

    for key, value in row.spaces["tags"].items():
        _put(connection, version_tags, key=key, value=value, **owner)
    for key, value in row.spaces["metrics"].items():
        _put(connection, version_metrics, key=key, value=value, **owner)
    for key, value in row.spaces["params"].items():
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        _put(connection, version_params, key=key, value=text, numeric_value=number, **owner)
    for key, value in row.spaces["checks"].items():
        for status in ("failed", "passed", value):  # the last one counts
            _put(connection, checks, name=key, status=status, **owner)
    if (at := row.attributes["last_used_at"]) is not None:
        _put(connection, version_uses, last_used_at=at, **owner)
    for kind in OPAQUE:
        if (ref := row.attributes[f"lineage.{kind}"]) is not None:
            _put(connection, version_lineage, kind=kind.value, ref=ref, **owner)


def _of(table: Table, row: Row) -> dict[str, Any]:
    """What the table itself holds of a row."""
    return {name: value for name, value in row.attributes.items() if name in table.c}


def _point(connection: Connection, row: Row, **version: object) -> None:
    """The stage and the alias of a row, to this version."""

    for table, name in ((stages, row.attributes["stage"]), (aliases, row.attributes["alias"])):
        if name is not None:
            _put(connection, table, name=name, **version)


def _fill_promotions(connection: Connection) -> None:
    where = {"model_id": "model 0", "stage": "production"}
    for number in (1, 2):
        requested_at = START + timedelta(days=number)
        common = {"number": number, **where}
        _put(
            connection,
            promotions,
            id=f"p{number}",
            kind="promotion",
            phase="APPLIED",
            requested_by="ann",
            requested_at=requested_at,
            **common,
        )
        target = "eu" if number == 1 else "us"
        _put(
            connection, deployments, id=f"d{number}", target=target, role="primary", promotion_id=f"p{number}", **common
        )


def _found(connection: Connection, name: str, tree: Expression) -> set[object]:
    statement = select(FIND[name]).where(compiled(tree, LISTS[name]))
    if name == "versions":
        statement = statement.join(models, models.c.id == versions.c.model_id).where(models.c.id == "model 0")
    return set(connection.execute(statement).scalars())


Run = Callable[[Callable[[Connection], Any]], Any]


@pytest.fixture(scope="module", params=ON_BOTH)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Calls a function with a connection to a filled database, which stays the same for all tests here."""
    with asyncio.Runner() as runner:
        if request.param == "sqlite":
            server, name = None, ""
            url = f"sqlite:///{tmp_path_factory.mktemp('filters') / 'home' / 'registry.db'}"
        else:
            server = cast("PostgresServer", request.getfixturevalue("postgres_server"))
            name = runner.run(server.create())
            url = server.url(name)
        database = open_database(url)
        runner.run(database.start())
        try:
            runner.run(database.write(_fill))
            yield lambda look: runner.run(database.view(look))
        finally:
            runner.run(database.stop())
            if server is not None:
                runner.run(server.drop(name))


THOROUGHLY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@THOROUGHLY
@given(tree=expressions(LISTS["versions"].vocabulary))
def test_versions_are_found_as_matches_says(run: Run, tree: Expression) -> None:
    assert run(lambda connection: _found(connection, "versions", tree)) == {
        row.key for row in ROWS["versions"] if matches(tree, row)
    }


@THOROUGHLY
@given(tree=expressions(LISTS["models"].vocabulary))
def test_models_are_found_as_matches_says(run: Run, tree: Expression) -> None:
    assert run(lambda connection: _found(connection, "models", tree)) == {
        row.key for row in ROWS["models"] if matches(tree, row)
    }


@pytest.mark.parametrize(
    "text",
    [
        "tags.a = 'a'",
        "tags.a != 'a'",
        "NOT tags.a = 'a'",
        "tags.a NOT IN ('a', 'b')",
        "tags.a IS NULL",
        "tags.a IS NOT NULL",
        "tags.a = tags.b",
        "tags.a != tags.b",
        "tags.a < tags.b",
        "tags.a < 'a'",
        "'B' <= tags.a",
        "tags.a > framework",
        "tags.a LIKE 'a%'",
        "tags.a ILIKE 'A%'",
        "tags.a ILIKE 'É'",
        "tags.a ILIKE 'é'",
        r"tags.a LIKE '%\%%' OR tags.a LIKE '%\_%' OR tags.a LIKE '%\\%'",
        "tags.a LIKE '*' OR tags.a LIKE '?' OR tags.a LIKE '[a]' OR tags.a LIKE '^'",
        "tags.a NOT LIKE 'a%' AND tags.a IS NOT NULL",
        "metrics.a > 0.5 OR metrics.b <= 1e300",
        "metrics.a < metrics.b",
        "metrics.a > score",
        "params.a = 1",
        "params.a = '1'",
        "params.a = true",
        "params.a != false",
        "params.a",
        "NOT params.a",
        "params.a = 'true'",
        "params.a = params.b",
        "params.a = metrics.b",
        "params.a IN (1, 7)",
        "params.a IN ('1', 'a')",
        "params.a IS NULL",
        "params.a < 1",
        "params.a < 'b'",
        "size = 9007199254740991",
        "number = 1.5",
        "number IN (1, 2, 1e12)",
        "number < 1e300",
        "status = 'revoked' AND NOT status LIKE 'R%'",
        "created_at > '2026-03-03T00:00:00.000004Z' AND created_at < '2026-03-03T00:10:00Z'",
        "created_at IN ('2026-03-03T00:00:00.000005+00:00')",
        "score IS NULL AND identity IS NOT NULL",
        "framework != 'a'",
        "stage = 'production'",
        "stage != 'production' AND model = 'model 0'",
        "alias IS NOT NULL OR target = 'eu'",
        "lineage.dag_run = 'a' AND NOT lineage.dataset LIKE 'a%'",
        "lineage.code_commit = lineage.task",
        "checks.a = 'passed'",
        "checks.a != 'passed'",
        "checks.a IS NULL AND checks.b = 'failed'",
        "revoked_at >= '2026-03-03'",
        "last_used_at > '2026-03-03T00:00:00Z'",
        "last_used_at IS NULL OR NOT last_used_at < '2026-03-03T00:00:00.000005Z'",
        "NOT (framework = 'a' AND score > 0)",
        "NOT (framework = 'a' OR score > 0)",
        "tags.`\"` = 'a' OR tags.\"`\" = 'a'",
        "description = '' OR description = '''; DROP TABLE versions; --'",
    ],
)
def test_named_cases_find_some_and_the_right_ones(run: Run, text: str) -> None:
    tree = parse(text, LISTS["versions"].vocabulary)
    found = run(lambda connection: _found(connection, "versions", tree))
    assert found == {row.key for row in ROWS["versions"] if matches(tree, row)}
    if "1.5" not in text:
        assert found, "a case that finds nothing shows nothing"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("version = 1", {"p1"}),
        ("model = 'model 0' AND stage = 'production' AND phase = 'APPLIED'", {"p1", "p2"}),
        ("requested_at > '2026-03-04' AND kind != 'rollback'", {"p2"}),
        ("applied_by IS NULL AND requested_by ILIKE 'ANN'", {"p1", "p2"}),
    ],
)
def test_promotions_are_filtered_with_their_model(run: Run, text: str, found: set[str]) -> None:
    statement = (
        select(promotions.c.id).join(models, models.c.id == promotions.c.model_id).where(matching("promotions", text))
    )
    assert set(run(lambda connection: connection.execute(statement).scalars().all())) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("target = 'eu' AND role = 'primary'", {"d1"}), ("model LIKE 'm%' AND promotion != 'p1'", {"d2"})],
)
def test_deployments_are_filtered_with_their_model(run: Run, text: str, found: set[str]) -> None:
    statement = (
        select(deployments.c.id)
        .join(models, models.c.id == deployments.c.model_id)
        .where(matching("deployments", text))
    )
    assert set(run(lambda connection: connection.execute(statement).scalars().all())) == found


def test_the_largest_filters_run(run: Run) -> None:
    for text in [
        " AND ".join(["(tags.a = 'a' OR metrics.a > 1)"] * 50),
        "NOT (" * 10 + "metrics.a < metrics.b" + ")" * 10,
        f"number IN ({','.join(['1'] * 2000)})",
        "tags.a LIKE '" + "%a" * (MAX_PATTERN // 2) + "'",
    ]:
        tree = parse(text, LISTS["versions"].vocabulary)
        found = run(partial(_found, name="versions", tree=tree))
        assert found == {row.key for row in ROWS["versions"] if matches(tree, row)}


def test_a_pattern_that_would_keep_the_database_busy_is_refused() -> None:
    with pytest.raises(InvalidFilter, match="at most 256 characters"):
        matching("versions", "tags.a LIKE '" + "a" * (MAX_PATTERN + 1) + "'")


@pytest.mark.parametrize("name", list(LISTS))
def test_an_unknown_name_is_refused_with_those_that_the_list_knows(name: str) -> None:
    with pytest.raises(InvalidFilter, match="'secret_hash' is unknown here; known are ") as refusal:
        matching(name, "secret_hash = 'x'")
    assert all(attribute in refusal.value.message for attribute in LISTS[name].attributes)


POSTGRESQL: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # SQLAlchemy has no types for it


@pytest.mark.parametrize("dialect", [SQLiteDialect_pysqlite(), POSTGRESQL], ids=["sqlite", "postgresql"])
def test_what_a_caller_writes_is_always_a_bound_parameter(dialect: Dialect) -> None:
    marks = ["m4rk", "m5rk", "m6rk%", "m7rk", "424242", "m8rk", "m9rk", "marka", "markb", "markc"]
    text = (
        f"tags.{marks[0]} = '{marks[1]}' OR description LIKE '{marks[2]}' OR params.`{marks[3]}` > {marks[4]}"
        f" OR framework IN ('{marks[5]}') OR created_at > '2026-03-03' OR stage = '{marks[6]}'"
        f" OR lineage.dataset = '{marks[7]}' OR checks.{marks[8]} = '{marks[9]}'"
    )
    statement = select(literal(1)).select_from(versions).where(matching("versions", text))
    sql = str(statement.compile(dialect=dialect))
    assert not any(mark in sql for mark in [*marks, "2026"])


def test_postgresql_orders_and_folds_text_whatever_its_locale() -> None:
    """The server of the tests knows no locale with another order; that the statement says so is all there is to see."""
    statement = select(versions.c.number).where(matching("versions", "framework < 'a' AND format ILIKE 'A%'"))
    sql = str(statement.compile(dialect=POSTGRESQL))
    assert '(versions.framework COLLATE "C") < ' in sql
    assert 'versions.format COLLATE "C" ILIKE ' in sql

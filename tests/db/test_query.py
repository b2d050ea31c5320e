from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
)

from registry_service.db.database import Database
from registry_service.db.postgres import PostgresDatabase
from registry_service.db.query import Query, first, many, one_of
from registry_service.db.sqlite import SqliteDatabase
from registry_service.db.types import JsonText, UtcTimestamp, from_microseconds, to_microseconds
from registry_service.domain.errors import Overloaded
from tests.fixtures_database import PostgresServer

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("score", Double),
    Column("at", UtcTimestamp),
    Column("facts", JsonText),
    Column("good", Boolean),
    Column("raw", LargeBinary),
)
MOMENT = datetime(2026, 3, 3, 12, 30, 0, 123456, tzinfo=UTC)
BIG = 2**40 + 1


def row(name: str, **values: object) -> dict[str, object]:
    return {"name": name, "size": 1, "score": None, "at": None, "facts": None, "good": None, "raw": None, **values}


@pytest.fixture
async def filled(empty_database: Database) -> Database:
    def command(connection: Connection) -> None:
        metadata.create_all(connection)
        rows = [
            row("a", size=BIG, score=0.5, at=MOMENT, facts={"x": [1, None, "ü"]}, good=True, raw=b"\x00\xff"),
            row("b", at=MOMENT + timedelta(microseconds=1)),
            row("c", at=MOMENT + timedelta(days=1)),
        ]
        connection.execute(insert(things), rows)

    await empty_database.write(command)
    return empty_database


names = many(select(things.c.name).order_by(things.c.name), lambda found: str(found[0]))


async def test_raw_rows_are_the_same_on_both_databases(filled: Database) -> None:
    whole = Query(select(things).where(things.c.name == bindparam("name")), list)
    (found,) = await filled.read(whole, name="a")
    assert found == ("a", BIG, 0.5, to_microseconds(MOMENT), '{"x":[1,null,"ü"]}', True, b"\x00\xff")
    assert type(found) is tuple


async def test_a_query_gives_the_same_inside_a_command_and_sees_what_that_wrote(filled: Database) -> None:
    def command(connection: Connection) -> list[str]:
        connection.execute(insert(things).values(name="d", size=1))
        return names.run(connection)

    assert await filled.write(command) == ["a", "b", "c", "d"]
    assert await filled.view(names.run) == await filled.read(names) == ["a", "b", "c", "d"]


async def test_parameters_pass_through_their_types(filled: Database) -> None:
    later = many(select(things.c.name).where(things.c.at > bindparam("moment")).order_by("name"), tuple)
    assert await filled.read(later, moment=MOMENT) == [("b",), ("c",)]
    with pytest.raises(ValueError, match="no time zone"):
        await filled.read(later, moment=MOMENT.replace(tzinfo=None))


async def test_a_name_may_stand_in_several_places(filled: Database) -> None:
    statement = select(things.c.name).where((things.c.name == bindparam("n")) | (things.c.name > bindparam("n")))
    assert await filled.read(many(statement.order_by("name"), tuple), n="b") == [("b",), ("c",)]


async def test_first_is_none_where_nothing_is_found(filled: Database) -> None:
    by_name = first(select(things.c.size).where(things.c.name == bindparam("name")), lambda found: int(found[0]))
    assert await filled.read(by_name, name="a") == BIG
    assert await filled.read(by_name, name="z") is None


@pytest.mark.parametrize("wanted", [[], ["a"], ["a", "c", "z"], ["a'; --", "c"], ["c"] * 2000])
async def test_one_of_takes_lists_of_any_length_with_one_text(filled: Database, wanted: list[str]) -> None:
    query = many(select(things.c.name).where(one_of(things.c.name, "names")).order_by("name"), lambda found: found[0])
    assert await filled.read(query, names=wanted) == sorted({"a", "b", "c"} & set(wanted))
    assert await filled.view(lambda connection: query.run(connection, names=wanted)) == sorted({"a", "c"} & set(wanted))


async def test_one_of_knows_the_type_of_its_column_and_can_be_negated(filled: Database) -> None:
    moments = many(
        select(things.c.name).where(~one_of(things.c.at, "moments")).order_by("name"), lambda found: found[0]
    )
    assert await filled.read(moments, moments=[MOMENT, MOMENT + timedelta(days=1)]) == ["b"]
    sizes = many(select(things.c.name).where(one_of(things.c.size, "sizes")), lambda found: found[0])
    assert await filled.read(sizes, sizes=[BIG, 7]) == ["a"]


async def test_one_of_uses_the_index_on_sqlite(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "registry.db")
    await database.start()
    await database.write(metadata.create_all)
    sql = many(select(things.c.size).where(one_of(things.c.name, "names")), tuple).compiled("sqlite").sql
    plan = await database.view(
        lambda connection: connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, ("[]",)).all()
    )
    await database.stop()
    assert "SEARCH things USING INDEX" in plan[0][3]


async def test_a_statement_made_for_one_request_may_hold_its_values(filled: Database) -> None:
    statement = (
        select(things.c.name)
        .where(things.c.name.in_(["a", "b", "c"]), things.c.at.in_([MOMENT, MOMENT + timedelta(days=1)]))
        .order_by(things.c.name.desc())
        .limit(1)
    )
    assert await filled.read(many(statement, tuple)) == [("c",)]


async def test_text_statements_and_plain_numbers_work(filled: Database) -> None:
    statement = text("SELECT count(*) FROM things WHERE size >= :least").bindparams(
        bindparam("least", type_=BigInteger)
    )
    assert await filled.read(first(statement, lambda found: found[0]), least=1) == 3


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_list_without_a_fixed_text_is_refused(dialect: str) -> None:
    query = many(select(things).where(things.c.name.in_(bindparam("names", expanding=True))), tuple)
    with pytest.raises(TypeError, match="one_of"):
        query.compiled(dialect)


@pytest.mark.parametrize("given", [{}, {"name": "a", "other": 1}, {"nam": "a"}])
async def test_missing_and_unknown_parameters_are_named(filled: Database, given: dict[str, str]) -> None:
    with pytest.raises(TypeError, match=r"missing .*unknown"):
        await filled.read(many(select(things).where(things.c.name == bindparam("name")), tuple), **given)


async def test_an_error_of_the_statement_stays_one_and_the_next_read_works(filled: Database) -> None:
    wrong = many(select(literal_column("no_such_column")).select_from(things), tuple)
    with pytest.raises(Exception, match="no_such_column"):
        await filled.read(wrong)
    assert await filled.read(names) == ["a", "b", "c"]


async def test_many_readers_at_once_get_their_own_answers(filled: Database) -> None:
    size = first(select(func.length(bindparam("name", type_=Text)), bindparam("name", type_=Text)), tuple)
    answers = await asyncio.gather(*(filled.read(size, name="n" * number) for number in range(1, 300)))
    assert answers == [(number, "n" * number) for number in range(1, 300)]


async def test_a_read_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "registry.db", readers=1, read_time_limit=0.1)
    await database.start()
    endless = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
    with pytest.raises(Overloaded, match="longer than"):
        await database.read(first(endless, tuple))
    with pytest.raises(Overloaded, match="longer than"):
        await database.view(lambda connection: connection.execute(endless).all())
    assert await database.read(first(text("SELECT 1"), tuple)) == (1,)
    await database.stop()


async def test_a_read_is_ended_also_between_few_and_long_comparisons(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "registry.db", readers=1, read_time_limit=0.1)
    await database.start()
    # Two hundred comparisons, each of which takes SQLite some hundredths of a second.
    slow = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT count(*) FROM n"
        " WHERE replace(hex(zeroblob(30000)), '00', 'a') || i GLOB"
        " '*' || replace(hex(zeroblob(2000)), '00', 'a') || 'b*'"
    )
    with pytest.raises(Overloaded, match="longer than"):
        await database.read(first(slow, tuple))
    assert await database.read(first(text("SELECT 1"), tuple)) == (1,)
    await database.stop()


@pytest.mark.postgres
async def test_a_read_that_takes_too_long_is_ended_on_postgresql(postgres_server: PostgresServer) -> None:
    database = PostgresDatabase(postgres_server.url("postgres"), time_limit=0.2)
    await database.start()
    with pytest.raises(Overloaded, match="too long"):
        await database.read(first(text("SELECT 1 FROM pg_sleep(10)"), tuple))
    with pytest.raises(Overloaded, match="too long"):
        await database.view(lambda connection: connection.execute(text("SELECT pg_sleep(10)")).all())
    assert await database.read(first(text("SELECT 1"), tuple)) == (1,)
    await database.stop()


# -------------------------------------------------------------------------------------------------------- types


async def test_types_give_back_what_they_took(filled: Database) -> None:
    statement = select(things.c.at, things.c.facts, things.c.score).where(things.c.name == "a")
    found = await filled.view(lambda connection: connection.execute(statement).one())
    assert tuple(found) == (MOMENT, {"x": [1, None, "ü"]}, 0.5)
    assert found[0].tzinfo is UTC


async def test_a_naive_datetime_is_refused(filled: Database) -> None:
    with pytest.raises(Exception, match="no time zone"):
        await filled.write(
            lambda connection: connection.execute(insert(things).values(name="n", size=1, at=datetime(2026, 1, 1)))  # noqa: DTZ001
        )


@pytest.mark.parametrize(
    ("moment", "microseconds"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), -1),
        (datetime(2026, 3, 3, 12, 30, 0, 123456, tzinfo=UTC), 1772541000123456),
        (datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), 253402300799999999),
    ],
)
def test_a_moment_is_whole_microseconds_since_the_epoch(moment: datetime, microseconds: int) -> None:
    assert to_microseconds(moment) == microseconds
    assert from_microseconds(microseconds) == moment

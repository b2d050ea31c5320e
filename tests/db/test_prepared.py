from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    MetaData,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)

from registry_service.db.database import Database
from registry_service.db.prepared import Prepared
from registry_service.db.query import one_of
from registry_service.db.types import JsonText, UtcTimestamp

things = Table(
    "things",
    MetaData(),
    Column("name", String(40), primary_key=True),
    Column("size", BigInteger),
    Column("score", Double),
    Column("at", UtcTimestamp),
    Column("facts", JsonText),
    Column("good", Boolean),
)
MOMENT = datetime(2026, 3, 3, 12, 30, 0, 123456, tzinfo=UTC)

INSERT = Prepared(insert(things), columns=["name", "size", "score", "at", "facts", "good"])
NAMED = Prepared(select(things).where(one_of(things.c.name, "names")).order_by(things.c.name))
GROW = Prepared(
    update(things)
    .where(things.c.name == bindparam("which"))
    .values(size=things.c.size + bindparam("by"))
    .returning(things.c.size)
)


def row(name: str, **values: object) -> dict[str, object]:
    return {"name": name, "size": None, "score": None, "at": None, "facts": None, "good": None, **values}


async def test_rows_have_names_and_the_types_of_their_columns(empty_database: Database) -> None:
    def command(connection: Connection) -> None:
        things.metadata.create_all(connection)
        INSERT.change_each(connection, [])
        INSERT.change_each(
            connection,
            [row("a", size=2**40, score=0.5, at=MOMENT, facts={"x": [1, None]}, good=False), row("b"), row("c")],
        )
        first, second = NAMED.rows(connection, names=["b", "a", "z"])
        assert first == ("a", 2**40, 0.5, MOMENT, {"x": [1, None]}, False)
        assert (first.at, first.facts, first.good) == (MOMENT, {"x": [1, None]}, False)
        assert second == ("b", None, None, None, None, None)
        assert NAMED.row(connection, names=[]) is None
        assert NAMED.value(connection, names=["c"]) == "c"
        assert NAMED.values(connection, names=["c", "b"]) == ["b", "c"]
        assert GROW.value(connection, which="a", by=1) == 2**40 + 1
        assert GROW.value(connection, which="z", by=1) is None
        # What SQLAlchemy reads in the same transaction is what was written here.
        assert connection.execute(select(things.c.size).where(things.c.name == "a")).scalar_one() == 2**40 + 1
        renamed = Prepared(update(things).where(things.c.size.is_(None)).values(score=bindparam("new")))
        assert renamed.change(connection, new=1.5) == 2

    await empty_database.write(command)

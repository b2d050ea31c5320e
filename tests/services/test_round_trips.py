"""How many statements the acts take that are done most: what they cost on PostgreSQL is mostly round trips.

Whoever adds a statement to one of them changes a number here, and says in the commit what it is worth.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import asyncpg
import pytest
from sqlalchemy import event

from registry_service.db.database import DialectName
from registry_service.db.sqlite_connection import driver_of
from registry_service.domain.entities import Verdict
from registry_service.domain.metadata import Metadata
from registry_service.domain.requests import ApplyPromotion, GiveReview, RegisterVersion, RequestPromotion
from registry_service.services.promotions import apply_promotion, request_promotion, review_promotion
from registry_service.services.versions import register_version
from registry_service.services.work import Work
from tests.services.world import World

T = TypeVar("T")
P = ParamSpec("P")

BODY = RegisterVersion(files=[], metadata=Metadata(metrics={"auc": 0.5}, params={"depth": 3}), tags={"country": "de"})

# On PostgreSQL with BEGIN, COMMIT and the locks, of which SQLite needs none; there, each row counts that is written.
EXPECTED = {
    "sqlite": {"register": 21, "request": 36, "review": 47, "apply": 42},
    "postgresql": {"register": 23, "request": 39, "review": 48, "apply": 43},
}


class Heard:
    """Acts for somebody, and hears the statements of each act: what the driver sends, and what SQLAlchemy does."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world = world
        self._statements: list[str] = []
        for name in ("execute", "executemany", "fetch", "fetchmany"):
            monkeypatch.setattr(asyncpg.Connection, name, self._hearing(getattr(asyncpg.Connection, name)))

    async def act(
        self, who: str, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, int]:
        """What the act gives, and how many statements it took."""

        def overheard(work: Work, /, *args: P.args, **kwargs: P.kwargs) -> T:
            if work.connection.dialect.name == "sqlite":
                self._statements.append("BEGIN")
                driver_of(work.connection).set_trace_callback(self._statements.append)
            else:
                event.listen(work.connection, "before_cursor_execute", lambda *words: self._statements.append(words[2]))
            return use_case(work, *args, **kwargs)

        self._statements.clear()
        answer = await self._world.act(who, overheard, *args, **kwargs)
        begun = next(index for index, sql in enumerate(self._statements) if sql.startswith("BEGIN"))
        # The writer thread of SQLite groups commands by these.
        others = ("BEGIN", "COMMIT", "RELEASE", "--") if self._world.registry.database.dialect == "sqlite" else ()
        return answer, sum(not sql.startswith(others) for sql in self._statements[begun:])

    def _hearing(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def heard(driver: object, sql: str, *args: object, **options: object) -> object:
            self._statements.append(sql)
            return await method(driver, sql, *args, **options)

        return heard


async def test_an_act_takes_as_many_statements_as_it_did(
    world: World, dialect: DialectName, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.model("churn")
    heard = Heard(world, monkeypatch)
    counted = {}
    version, counted["register"] = await heard.act("airflow", register_version, "churn", BODY)
    asked = RequestPromotion(model="churn", version=str(version.number), stage="production")
    promotion, counted["request"] = await heard.act("airflow", request_promotion, asked)
    review = GiveReview(verdict=Verdict.APPROVE, digest=promotion.digest)
    _, counted["review"] = await heard.act("ben", review_promotion, promotion.id, review)
    _, counted["apply"] = await heard.act("airflow", apply_promotion, promotion.id, ApplyPromotion())
    assert counted == EXPECTED[dialect]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.postgres
async def test_the_rows_of_one_table_are_one_round_trip_however_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.model("churn")
    heard = Heard(world, monkeypatch)
    counted = []
    for many in (1, 50):
        tags = {f"tag-{number}": str(many) for number in range(many)}
        body = RegisterVersion(files=[], metadata=Metadata(), tags=tags)
        counted.append((await heard.act("airflow", register_version, "churn", body))[1])
    assert counted[0] == counted[1]

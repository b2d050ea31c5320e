"""Full-text search, the same on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, delete, update

from registry_service.care.checks import texts as text_checks
from registry_service.care.findings import Look
from registry_service.db.queries.words import search
from registry_service.db.tables import texts
from registry_service.domain.errors import InvalidInput
from registry_service.domain.permissions import Role
from registry_service.domain.requests import RenameModel, UpdateModel, UpdateVersion
from registry_service.services.model_names import rename_model
from registry_service.services.models import delete_model, restore_model, update_model
from registry_service.services.versions import update_version
from tests.services.world import World

Found = list[tuple[str, int | None]]


@pytest.fixture
async def filled(world: World) -> World:
    await world.model("churn.de", description="Who leaves us. Owned by the *risk* team.", tags={"team": "growth"})
    await world.model("risk-score", description="Straße by Straße.", tags={"team": "credit"})
    await world.register("risk-score", tags={"run": "nightly"}, description="Less risk than before.")
    await world.register("risk-score", tags={"run": "nightly", "kind": "risk"})
    await world.register("risk-score")
    return world


async def found(world: World, text: str, *, by: str = "rita", limit: int = 50) -> Found:
    page = await world.look(by, search, text, limit=limit)
    return [(one.model_name, one.version) for one in page.items]


async def test_all_words_are_found_the_last_one_by_its_beginning(filled: World) -> None:
    for text, expected in (
        ("who leaves", {("churn.de", None)}),
        ("LEAVES wh", {("churn.de", None)}),
        ("lea who", set()),
        ("churn growth", {("churn.de", None)}),
        ("STRASSE", {("risk-score", None)}),
        ("night", {("risk-score", 2), ("risk-score", 1)}),
        ("risk team", {("churn.de", None), ("risk-score", None)}),
        ("team absent", set()),
    ):
        assert set(await found(filled, text)) == expected, text


async def test_a_name_weighs_more_than_a_tag_and_a_tag_more_than_a_description(filled: World) -> None:
    hits = await found(filled, "risk")
    assert hits[:2] == [("risk-score", None), ("risk-score", 2)]
    assert set(hits[2:]) == {("risk-score", 1), ("churn.de", None)}
    assert await found(filled, "risk", limit=1) == hits[:1]


async def test_what_changes_is_found_by_what_it_is_now(filled: World) -> None:
    await filled.act("airflow", update_model, "churn.de", UpdateModel(tags={"team": "sales"}))
    assert (await found(filled, "growth"), await found(filled, "sales")) == ([], [("churn.de", None)])
    assert await found(filled, "leaves") == [("churn.de", None)]
    await filled.act("ada", rename_model, "churn.de", RenameModel(name="attrition.de", reason="clearer"))
    assert (await found(filled, "churn"), await found(filled, "attrition")) == ([], [("attrition.de", None)])
    await filled.act("airflow", update_version, "risk-score", "3", UpdateVersion(description="Good."))
    assert await found(filled, "good") == [("risk-score", 3)]
    await filled.act("airflow", update_version, "risk-score", "1", UpdateVersion(tags={}, description=""))
    assert await found(filled, "nightly") == [("risk-score", 2)]


async def test_only_what_is_in_sight_is_found(filled: World) -> None:
    await filled.person("otto", Role.READER, "chu*")
    await filled.person("nobody")
    assert await found(filled, "risk", by="otto") == [("churn.de", None)]
    assert await found(filled, "risk", by="nobody") == []
    await filled.act("ada", delete_model, "churn.de")
    assert await found(filled, "leaves") == []
    await filled.act("ada", restore_model, "churn.de")
    assert await found(filled, "leaves") == [("churn.de", None)]


HOSTILE = [
    'a"b', "a*", "*a", "NOT", "a AND", "OR OR", "NEAR(a b)", "name:risk", "^risk", "risk -score", "a & | !", "risk:*",
    "a <-> b", "x'; DROP TABLE texts; --", "é", "\u202e risk", "\uff11\uff12", "risk\n\tscore", "{a b}: c", "1e5",
    "-1.5",
]  # fmt: skip
NO_WORDS = ["", "'", "(", "\\", "%", '"', "\u0301"]


async def test_nothing_that_is_looked_for_means_anything_to_the_database(filled: World) -> None:
    for text in HOSTILE:
        assert len(await found(filled, text)) <= 4
    for text in NO_WORDS:
        with pytest.raises(InvalidInput, match="Give 1 to 16"):
            await found(filled, text)
    assert await found(filled, "risk -score") == await found(filled, "score:risk*") == [("risk-score", None)]


async def test_fsck_compares_what_is_found_by_with_what_is_there(filled: World) -> None:
    (check,) = text_checks.CHECKS

    async def said() -> list[str]:
        return await filled.registry.database.view(
            lambda connection: [str(one) for one in check.find(Look(connection))]
        )

    def harm(connection: Connection) -> None:
        connection.execute(update(texts).where(texts.c.number == 0).values(description="other"))
        connection.execute(delete(texts).where(texts.c.number == 2))
        connection.execute(update(texts).where(texts.c.number == 1).values(number=9))

    assert await said() == []
    await filled.registry.database.write(harm)
    wrong = await said()
    assert (sum("other words" in one for one in wrong), sum("isn't there" in one for one in wrong)) == (4, 1)

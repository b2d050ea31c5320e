"""What looks forgotten: what nobody uses, what it takes up, and that nothing out of sight is told or hinted at."""

from __future__ import annotations

from typing import Any

import pytest

from registry_service.care.stock import take_stock
from registry_service.db.paging import PageRequest
from registry_service.db.queries import forgotten as queries
from registry_service.db.view import View
from registry_service.domain.entities import DeploymentStatus, ModelStock
from registry_service.domain.errors import InvalidFilter, InvalidInput, NotPermitted
from registry_service.domain.permissions import Role
from registry_service.domain.requests import (
    DeleteVersion,
    MoveAlias,
    ObserveDeployment,
    PlaceLegalHold,
    StartDeployment,
)
from registry_service.services import keeping
from registry_service.services import models as model_use_cases
from registry_service.services.aliases import move_alias
from registry_service.services.deployments import observe_deployment, start_deployment
from tests.services.test_attachments import attach
from tests.services.world import DAY, HOUR, MINUTE, World


async def listed(world: World, query: Any, who: str = "ada", *, idle_days: int = 0, **page: Any) -> list[Any]:
    def ask(view: View, asked: PageRequest) -> Any:
        return query(view, asked, idle_days=idle_days)

    return await world.look_at_all(who, ask, **page)


async def stock(world: World, who: str = "ada", **page: Any) -> dict[str, ModelStock]:
    while await take_stock(world.registry):
        pass
    return {one.model_name: one for one in await listed(world, queries.list_model_stock, who, **page)}


async def test_a_model_takes_up_what_its_versions_need_each_artifact_once(world: World) -> None:
    await world.model()
    await world.model("other")
    await world.model("empty")
    for content in (b"a" * 10, b"b" * 100, b"b" * 100):
        await world.register(content=content)
    await world.register("other", content=b"b" * 100)
    found = await stock(world)
    assert list(found) == ["fraud", "other", "empty"]
    assert {name: (one.versions, one.unused, one.size, one.own_size) for name, one in found.items()} == {
        "fraud": (3, 3, 110, 10),
        "other": (1, 1, 100, 0),
        "empty": (0, 0, 0, 0),
    }
    assert found["fraud"].counted_at == world.clock.now
    for limit in (1, 2):
        assert next(iter(await stock(world, order_by="own_size desc", limit=limit))) == "fraud"
        assert list(await stock(world, order_by="name", limit=limit)) == ["empty", "fraud", "other"]


async def test_attachments_take_up_room_as_files_do(world: World) -> None:
    await world.model()
    await world.register(content=b"a" * 10)
    await attach(world, b"a" * 10, b"p" * 500)
    found = (await stock(world))["fraud"]
    assert await world.look("ada", queries.model_stock_of, "fraud") == found
    assert await world.look("ada", queries.model_stock_of, "absent") is None
    assert (found.size, found.own_size) == (510, 510)
    await world.model("other")
    await world.register("other", content=b"p" * 500)
    world.clock.advance(DAY)
    found = (await stock(world))["fraud"]
    assert (found.size, found.own_size) == (510, 10)


async def test_what_was_let_go_takes_up_nothing(world: World) -> None:
    await world.model()
    for content in (b"a" * 10, b"b" * 100):
        await world.register(content=content)
    await world.act("ada", keeping.delete_version, "fraud", "2", DeleteVersion(reason="never used"))
    assert (await stock(world))["fraud"].size == 110
    world.clock.advance(keeping.GRACE)
    await world.registry.sweep()
    found = (await stock(world))["fraud"]
    assert (found.versions, found.size) == (1, 10)


async def test_a_model_is_counted_again_a_while_after_it_changed(world: World) -> None:
    await world.registered(1)
    assert await take_stock(world.registry) == 1
    await world.register()
    assert await take_stock(world.registry) == 0
    world.clock.advance(queries.COUNTED_AGAIN_AFTER)
    assert (await stock(world))["fraud"].versions == 2
    world.clock.advance(queries.COUNTED_AT_LEAST - MINUTE)
    assert await take_stock(world.registry) == 0
    world.clock.advance(MINUTE)
    assert await take_stock(world.registry) == 1


async def test_models_are_listed_by_how_long_nobody_used_them(world: World) -> None:
    await world.registered(1, "old")
    world.clock.advance(100 * DAY)
    await world.registered(1, "used")
    await world.registered(1, "new")
    world.clock.advance(10 * DAY)
    await world.act("airflow", start_deployment, StartDeployment(model="used", target="eu", version="1"))
    found = await listed(world, queries.list_model_stock, order_by="idle_since", limit=1)
    assert [one.model_name for one in found] == ["old", "new", "used"]
    assert [(one.last_used_at is None, one.counted_at) for one in found] == [(True, None), (True, None), (False, None)]
    idle = await listed(world, queries.list_model_stock, idle_days=10, order_by="name")
    assert [one.model_name for one in idle] == ["new", "old"]


async def test_versions_without_any_use_are_forgotten(world: World) -> None:
    await world.registered(7)
    await world.promote(1)
    await world.promote(2)
    await world.act("carl", move_alias, "fraud", "best", MoveAlias(version="3"))
    runs = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="4"))
    await world.act("ada", keeping.place_legal_hold, "fraud", "6", PlaceLegalHold(reason="a case"))
    await world.act("ada", keeping.delete_version, "fraud", "7", DeleteVersion(reason="never used"))
    await world.model("young")
    world.clock.advance(90 * DAY)
    await world.register("young")
    asked = await world.request(5)
    # 1 was in a stage, 2 is, 3 has an alias, 4 runs, 5 is asked for, 7 is deleted.
    found = await listed(world, queries.list_forgotten_versions, idle_days=90)
    assert [(one.model_name, one.version, one.legal_hold) for one in found] == [("fraud", 6, True)]
    await world.reject("ben", asked)
    ended = ObserveDeployment(digest=None, status=DeploymentStatus.ENDED)
    await world.act("airflow", observe_deployment, runs.id, ended)
    # 4 runs no more, and was last used when it began to.
    for limit in (1, 200):
        found = await listed(world, queries.list_forgotten_versions, idle_days=90, order_by="created_at", limit=limit)
        assert [one.version for one in found] == [4, 5, 6]


async def test_a_version_is_forgotten_again_long_after_its_last_use(world: World) -> None:
    await world.registered(1)
    world.clock.advance(80 * DAY)
    runs = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="1"))
    ended = ObserveDeployment(digest=None, status=DeploymentStatus.ENDED)
    await world.act("airflow", observe_deployment, runs.id, ended)
    world.clock.advance(20 * DAY)
    assert await listed(world, queries.list_forgotten_versions, idle_days=90) == []
    world.clock.advance(70 * DAY)
    (found,) = await listed(world, queries.list_forgotten_versions, idle_days=90)
    assert found.last_used_at is not None


async def test_versions_are_listed_by_their_size(world: World) -> None:
    await world.model()
    for length in (5, 50, 7):
        await world.register(content=b"x" * length)
    found = await listed(world, queries.list_forgotten_versions, limit=1)
    assert [(one.version, one.size) for one in found] == [(2, 50), (3, 7), (1, 5)]


async def test_stages_that_do_not_change_are_told(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    world.clock.advance(30 * DAY)
    await world.promote(2, "staging")
    found = await listed(world, queries.list_forgotten_stages, idle_days=30)
    assert [(one.model_name, one.stage, one.version) for one in found] == [("fraud", "production", 1)]
    both = await listed(world, queries.list_forgotten_stages, limit=1)
    assert [one.stage for one in both] == ["production", "staging"]


async def test_uploads_that_nobody_finished_are_told_to_whose_they_are(world: World) -> None:
    await world.model()
    await world.upload(b"a" * 10, b"b" * 5)
    await world.upload(b"c" * 3, by="carl")
    await world.register()
    mine = await listed(world, queries.list_forgotten_uploads, "carl")
    assert [(one.principal, one.files, one.size, one.received) for one in mine] == [("carl", 1, 3, 3)]
    everybodys = await listed(world, queries.list_forgotten_uploads)
    assert sorted((one.principal, one.size) for one in everybodys) == [("airflow", 15), ("carl", 3)]
    assert await listed(world, queries.list_forgotten_uploads, idle_days=1) == []
    with pytest.raises(NotPermitted):
        await listed(world, queries.list_forgotten_uploads, "rita")


async def test_nothing_out_of_sight_is_told_or_hinted_at(world: World) -> None:
    await world.model()
    await world.model("secret")
    for model in ("fraud", "secret"):
        await world.register(model, content=b"the same bytes")
        await world.promote(1, model=model)
        await world.register(model)
    await world.person("otto", Role.ADMIN, "fraud")
    found = await stock(world, "otto")
    # That bytes are shared would tell that somebody else has them.
    assert {name: one.own_size for name, one in found.items()} == {"fraud": None}
    with pytest.raises(NotPermitted):
        await listed(world, queries.list_model_stock, "otto", order_by="own_size desc")
    for query in (queries.list_forgotten_versions, queries.list_forgotten_stages, queries.list_forgotten_uploads):
        assert {one.model_name for one in await listed(world, query, "otto")} <= {"fraud"}
    world.clock.advance(HOUR)
    await world.model("gone")
    await world.register("gone")
    await world.act("ada", model_use_cases.delete_model, "gone")
    assert "gone" not in await stock(world)
    assert all(one.model_name != "gone" for one in await listed(world, queries.list_forgotten_versions))


async def test_what_they_do_not_know_is_refused(world: World) -> None:
    for query in (
        queries.list_model_stock,
        queries.list_forgotten_versions,
        queries.list_forgotten_stages,
        queries.list_forgotten_uploads,
    ):
        with pytest.raises(InvalidFilter):
            await listed(world, query, filter="name = 'x'")
        with pytest.raises(InvalidInput):
            await listed(world, query, order_by="colour")

"""What one may not read looks exactly like what doesn't exist; lists leave no trace of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from registry_service.db.paging import PageRequest
from registry_service.db.queries import (
    aliases,
    checks,
    deployments,
    events,
    models,
    policies,
    principals,
    promotions,
    stages,
    usages,
    versions,
)
from registry_service.domain.errors import ModelNotFound, NotFound, NotPermitted
from registry_service.domain.permissions import Role
from registry_service.domain.requests import ReportUsage, StartDeployment
from registry_service.services.deployments import start_deployment
from registry_service.services.usages import report_usage
from tests.services.world import ALL, FILE, World


@pytest.fixture
async def two(world: World) -> World:
    """`fraud` and `secret` with a life of their own each; `otto` may read `fraud*` alone."""

    await world.person("otto", Role.CONTRIBUTOR, "fraud*")
    for name in ("fraud", "secret", "Fraud-2"):
        await world.registered(2, name, aliases=["champion"])
        await world.promote(1, model=name)
        await world.request(2, model=name)
        await world.check(1, model=name)
        body = StartDeployment(model=name, version="1", target="endpoint")
        await world.act("airflow", start_deployment, body)
    return world


async def test_lists_hold_what_is_in_sight_and_nothing_else(two: World) -> None:
    assert [one.name for one in await two.look_at_all("otto", models.list_models)] == ["fraud"]
    assert {one.model_name for one in await two.look_at_all("otto", promotions.list_promotions)} == {"fraud"}
    assert {one.model_name for one in await two.look_at_all("otto", deployments.list_deployments)} == {"fraud"}
    assert {one.model_name for one in await two.events(by="otto")} == {"fraud"}


async def test_patterns_tell_no_names_of_models_out_of_sight(two: World) -> None:
    for pattern in ("secret", "fraud", "sec*", "*"):
        await two.attach("regulated", pattern, "production", force=True)
        await two.person(f"reader-of-{len(pattern)}", Role.READER, pattern)
    seen = {one.model_pattern for one in await two.look_at_all("otto", policies.list_attachments)}
    assert seen == {"fraud", "*"}
    assert {one.model_pattern for one in await two.look_at_all("ada", policies.list_attachments)} > {"secret", "sec*"}
    granted = {
        grant.pattern for one in await two.look_at_all("otto", principals.list_principals) for grant in one.grants
    }
    assert granted == {"fraud", "fraud*", "*"}


async def test_a_filter_finds_nothing_out_of_sight(two: World) -> None:
    for text in ("name = 'secret'", "NOT name = 'fraud'", "name LIKE '%'", "owner = 'ada' OR name = 'secret'"):
        found = {one.name for one in await two.look_at_all("otto", models.list_models, filter=text)}
        assert found <= {"fraud"}
    for text in ("model = 'secret'", "version = 1 OR NOT version = 1"):
        found = {one.model_name for one in await two.look_at_all("otto", promotions.list_promotions, filter=text)}
        assert found <= {"fraud"}


async def test_pages_are_full_whatever_is_out_of_sight(two: World) -> None:
    page = await two.look("otto", promotions.list_promotions, PageRequest(limit=2))
    assert (len(page.items), page.next_cursor) == (2, None)


QUERIES: tuple[Callable[[World, str], Any], ...] = (
    lambda world, model: world.look("otto", models.get_model, model),
    lambda world, model: world.look("otto", versions.get_version, model, "1"),
    lambda world, model: world.look("otto", versions.list_versions, model, ALL),
    lambda world, model: world.look("otto", versions.get_manifest, model, "1"),
    lambda world, model: world.look("otto", versions.get_file, model, "1", FILE),
    lambda world, model: world.look("otto", aliases.list_aliases, model, ALL),
    lambda world, model: world.look("otto", stages.get_stage, model, "production"),
    lambda world, model: world.look("otto", stages.list_stages, model, ALL),
    lambda world, model: world.look("otto", stages.stage_history_of, model, "production", ALL),
    lambda world, model: world.look("otto", checks.list_checks, model, "1", ALL),
    lambda world, model: world.look("otto", usages.list_usages, model, "1", ALL),
    lambda world, model: world.look("otto", usages.get_version_use, model, "1"),
    lambda world, model: world.act("otto", report_usage, model, "1", ReportUsage(batch="b", run="r")),
    lambda world, model: world.register(model, by="otto"),
    lambda world, model: world.request(1, model=model, by="otto"),
    lambda world, model: world.roll_back(model=model, by="otto", from_version=1),
    lambda world, model: world.hold(model=model, by="otto"),
    lambda world, model: world.revoke(1, model=model, by="otto"),
)


async def test_what_is_out_of_sight_answers_as_what_is_not_there(two: World) -> None:
    for query in QUERIES:
        answers = []
        for model in ("secret", "absent"):
            with pytest.raises(ModelNotFound) as refused:
                await query(two, model)
            answers.append(refused.value.message.replace(model, "<model>"))
        assert answers[0] == answers[1]


async def test_ids_tell_nothing(two: World) -> None:
    hidden = [one for one in await two.look_at_all("ada", promotions.list_promotions) if one.model_name == "secret"]
    for promotion in hidden:
        for act in (
            two.look("otto", promotions.get_promotion, promotion.id),
            two.apply(promotion, by="otto"),
            two.approve("otto", promotion),
        ):
            with pytest.raises(NotFound) as refused:
                await act
            assert "secret" not in refused.value.message


async def test_patterns_mind_the_case_on_both_databases(two: World) -> None:
    await two.person("upper", Role.READER, "F*")
    await two.person("exact", Role.READER, "Fraud-?")
    for who in ("upper", "exact"):
        assert [one.name for one in await two.look_at_all(who, models.list_models)] == ["Fraud-2"]


async def test_an_underscore_in_a_pattern_is_an_underscore(world: World) -> None:
    for name in ("team_a", "teamXa", "team_b"):
        await world.model(name)
    await world.person("otto", Role.READER, "team_*")
    assert [one.name for one in await world.look_at_all("otto", models.list_models)] == ["team_a", "team_b"]


async def test_a_token_narrows_lists_too(two: World) -> None:
    narrow = await two.actor("ada", token=await two.token_of("ada", patterns=["secret"]))
    assert [one.name for one in await two.look_at_all(narrow, models.list_models)] == ["secret"]
    with pytest.raises(ModelNotFound):
        await two.look(narrow, models.get_model, "fraud")


async def test_who_has_no_role_sees_nothing(world: World) -> None:
    await world.registered(1)
    await world.person("nobody")
    assert await world.look_at_all("nobody", models.list_models) == []
    assert await world.look_at_all("nobody", promotions.list_promotions) == []
    with pytest.raises(NotPermitted):
        await world.look("nobody", events.read_events)


async def test_tombstones_are_for_admins(two: World) -> None:
    with pytest.raises(NotPermitted):
        await two.look("rita", models.list_models, ALL, include_deleted=True)
    assert len((await two.look("ada", models.list_models, ALL, include_deleted=True)).items) == 3

from __future__ import annotations

import pytest

from registry_service.db.queries.aliases import get_alias, list_aliases
from registry_service.domain.errors import (
    AliasNotFound,
    InvalidName,
    NameClash,
    NotPermitted,
    RevisionMismatch,
    StageProtected,
    VersionRevoked,
)
from registry_service.domain.requests import ArrangeStages, MoveAlias
from registry_service.services.aliases import move_alias, remove_alias
from registry_service.services.stages import arrange_stages
from tests.services.world import World


async def move(world: World, alias: str, version: str = "1", **when: int) -> None:
    await world.act("carl", move_alias, "fraud", alias, MoveAlias(version=version), **when)


async def test_an_alias_moves_freely_and_the_log_tells(world: World) -> None:
    await world.registered(2)
    await move(world, "champion", "1")
    await move(world, "champion", "latest")
    assert (await world.look("rita", get_alias, "fraud", "champion")).version == 2
    assert (await world.version(2)).aliases == ["champion"]
    moved = await world.events("alias.*")
    assert [(one.subject, one.data["version"], one.data["previous"]) for one in moved] == [
        ("champion", 1, None),
        ("champion", 2, 1),
    ]


async def test_an_alias_that_points_there_already_is_left_alone(world: World) -> None:
    await world.registered(1)
    await move(world, "champion")
    before = await world.look("ada", get_alias, "fraud", "champion")
    await move(world, "champion")
    assert await world.look("ada", get_alias, "fraud", "champion") == before


async def test_an_alias_can_be_removed_and_is_then_gone(world: World) -> None:
    await world.registered(1, aliases=["champion", "newest"])
    await world.act("carl", remove_alias, "fraud", "champion")
    with pytest.raises(AliasNotFound):
        await world.look("ada", get_alias, "fraud", "champion")
    with pytest.raises(AliasNotFound):
        await world.act("carl", remove_alias, "fraud", "champion")
    assert [alias.name for alias in await world.look_at_all("rita", list_aliases, "fraud")] == ["newest"]


async def test_an_alias_is_moved_only_by_who_saw_where_it_stood(world: World) -> None:
    await world.registered(2, aliases=["champion"])
    seen = (await world.look("ada", get_alias, "fraud", "champion")).revision
    await move(world, "champion", "1", if_match=seen)
    with pytest.raises(RevisionMismatch):
        await move(world, "champion", "2", if_match=seen)


@pytest.mark.parametrize("alias", ["production", "Production", "STAGING"])
async def test_an_alias_never_stands_for_a_stage(world: World, alias: str) -> None:
    await world.registered(1)
    with pytest.raises(StageProtected):
        await move(world, alias)
    with pytest.raises(StageProtected):
        await world.act("carl", remove_alias, "fraud", alias)
    with pytest.raises(StageProtected):
        await world.register(aliases=[alias])


@pytest.mark.parametrize("stage", ["champion", "Champion"])
async def test_a_stage_never_takes_the_name_of_an_alias(world: World, stage: str) -> None:
    await world.registered(1, aliases=["champion"])
    with pytest.raises(NameClash):
        await world.act(
            "ada", arrange_stages, "fraud", ArrangeStages(stages=["staging", "production", stage]), if_match=3
        )


@pytest.mark.parametrize("alias", ["latest", "7", "v7", "a b", ""])
async def test_an_alias_never_reads_as_another_selector(world: World, alias: str) -> None:
    await world.registered(1)
    with pytest.raises(InvalidName):
        await move(world, alias)


async def test_an_alias_does_not_move_to_a_revoked_version(world: World) -> None:
    await world.registered(1)
    await world.revoke(1)
    with pytest.raises(VersionRevoked):
        await move(world, "champion")


async def test_a_reader_moves_no_alias(world: World) -> None:
    await world.registered(1)
    with pytest.raises(NotPermitted):
        await world.act("rita", move_alias, "fraud", "champion", MoveAlias(version="1"))

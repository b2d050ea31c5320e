"""Revocation: what it touches, what it leaves standing, and who may still look at the bytes."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from registry_service.db.queries.versions import get_file
from registry_service.db.tables import versions
from registry_service.domain.entities import DeploymentStatus, LineageKind
from registry_service.domain.errors import (
    FileNotInVersion,
    InvalidInput,
    NotPermitted,
    PersonRequired,
    StageVacant,
    VersionRevoked,
)
from registry_service.domain.permissions import Role
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import (
    MoveAlias,
    NewLineageEdge,
    ObserveDeployment,
    RevokeVersion,
    StartDeployment,
    VacateStage,
)
from registry_service.services.aliases import move_alias
from registry_service.services.deployments import observe_deployment, start_deployment
from registry_service.services.revoking import examine_file, revoke_impact, revoke_version
from registry_service.services.stages import vacate_stage
from registry_service.services.work import Work
from tests.services.world import FILE, World


def made_from(ref: str) -> list[NewLineageEdge]:
    return [NewLineageEdge(kind=LineageKind.PARENT_VERSION, ref=ref)]


async def unmark(world: World, number: int) -> None:
    """As if a version of revoked content had come in beside the rule that refuses it."""

    def write(work: Work) -> None:
        work.connection.execute(update(versions).where(versions.c.number == number).values(revoked_at=None))

    await world.act("ada", write)


async def test_the_impact_says_what_hangs_on_the_content_and_changes_nothing(world: World) -> None:
    await world.registered(1)
    await world.register(content=b"bad")
    await world.register(content=b"bad")
    await world.promote(1)
    await world.promote(2)
    await world.act("carl", move_alias, "fraud", "champion", MoveAlias(version="3"))
    asked = await world.request(3, "staging")
    runs = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="2"))
    over = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="us", version="2"))
    await world.act(
        "airflow", observe_deployment, over.id, ObserveDeployment(digest=None, status=DeploymentStatus.ENDED)
    )
    await world.model("small")
    await world.register("small", lineage=made_from("fraud/3"))
    await world.register("small", lineage=made_from("small/1"))
    before = await world.version(2)
    impact = await world.look("rita", revoke_impact, "fraud", "2")
    assert (impact.versions, impact.aliases, impact.promotions) == ([2, 3], ["champion"], [asked.id])
    assert [(one.stage, one.version, one.rollback_to) for one in impact.stages] == [("production", 2, 1)]
    assert [one.id for one in impact.deployments] == [runs.id]
    assert [(one.model_name, one.version, one.parent, one.steps) for one in impact.derived] == [
        ("small", 1, "fraud/3", 1),
        ("small", 2, "small/1", 2),
    ]
    assert impact.derived_complete
    assert await world.version(2) == before
    done = await world.act("ben", revoke_version, "fraud", "2", RevokeVersion(reason="leaks data"))
    assert (done.impact.stages, done.impact.promotions) == (impact.stages, [asked.id])
    assert done.impact.revision == done.revision > impact.revision
    assert (await world.promotion(asked)).phase is Phase.STALE


async def test_the_impact_names_nothing_that_is_out_of_sight(world: World) -> None:
    await world.registered(1)
    await world.model("secret")
    await world.register("secret", lineage=made_from("fraud/1"))
    await world.person("nina", Role.READER, "fraud")
    assert [one.model_name for one in (await world.look("rita", revoke_impact, "fraud", "1")).derived] == ["secret"]
    assert (await world.look("nina", revoke_impact, "fraud", "1")).derived == []


async def test_where_nothing_good_is_left_the_impact_names_no_version_to_go_back_to(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    assert [one.rollback_to for one in (await world.look("ada", revoke_impact, "fraud", "1")).stages] == [None]


async def test_bytes_of_a_revoked_version_are_for_an_admin_with_a_reason_and_the_log_says_so(world: World) -> None:
    await world.registered(1)
    await world.revoke(1)
    with pytest.raises(VersionRevoked):
        await world.look("ada", get_file, "fraud", "1", FILE)
    for who in ("rita", "carl", "ben"):
        with pytest.raises(NotPermitted):
            await world.act(who, examine_file, "fraud", "1", FILE, "curious")
    with pytest.raises(InvalidInput):
        await world.act("ada", examine_file, "fraud", "1", FILE, " ")
    with pytest.raises(FileNotInVersion):
        await world.act("ada", examine_file, "fraud", "1", "other", "what leaked?")
    assert await world.kinds("version.examined") == []
    taken = await world.act("ada", examine_file, "fraud", "1", FILE, "what leaked?")
    assert (taken.number, taken.file.path) == (1, FILE)
    (told,) = await world.events("version.examined")
    assert (told.actor, told.data["reason"], told.data["path"]) == ("ada", "what leaked?", FILE)


async def test_a_service_gets_no_bytes_of_a_revoked_version_whatever_its_role(world: World) -> None:
    await world.registered(1)
    await world.revoke(1)
    await world.grant("airflow", Role.ADMIN)
    with pytest.raises(PersonRequired):
        await world.act("airflow", examine_file, "fraud", "1", FILE, "what leaked?")


async def test_a_reason_for_a_version_that_stands_is_not_needed_and_not_logged(world: World) -> None:
    await world.registered(1)
    await world.act("rita", examine_file, "fraud", "1", FILE, "to be sure")
    assert await world.kinds("version.examined") == []


async def test_content_is_revoked_for_every_rule_under_whatever_number(world: World) -> None:
    """A twin that isn't marked itself is kept out as its sibling is, and keeps nothing out."""

    await world.registered(2)
    await world.register(content=b"bad")
    await world.register(content=b"bad")
    await world.promote(1)
    await world.promote(4)
    await world.roll_back(from_version=4)
    await world.act("ben", revoke_version, "fraud", "3", RevokeVersion(reason="leaks data"))
    await unmark(world, 4)
    assert (await world.version("latest")).number == 2
    with pytest.raises(VersionRevoked):
        await world.request(4)
    with pytest.raises(VersionRevoked):
        await world.look("ada", get_file, "fraud", "4", FILE)
    with pytest.raises(VersionRevoked):
        await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="4"))


async def test_a_twin_of_revoked_content_does_not_stand_in_the_way_of_older_versions(world: World) -> None:
    await world.registered(1)
    await world.register(content=b"bad")
    await world.register(content=b"bad")
    await world.promote(3)
    await world.revoke(2)
    await unmark(world, 3)
    promotion = await world.promote(1)
    assert (promotion.phase, await world.current()) == (Phase.APPLIED, 1)


async def test_a_stage_may_be_vacated_where_its_content_is_revoked_under_another_number(world: World) -> None:
    await world.model()
    await world.register(content=b"bad")
    await world.register(content=b"bad")
    await world.promote(2)
    await world.revoke(1)
    await unmark(world, 2)
    await world.act("ada", vacate_stage, "fraud", "production", VacateStage(from_version=2, reason="revoked"))
    with pytest.raises(StageVacant):
        await world.version("@production")

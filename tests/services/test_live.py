from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest

from registry_service.db.paging import PageRequest
from registry_service.db.queries.deployments import list_deployments
from registry_service.db.queries.live import list_live
from registry_service.db.queries.stages import get_stage
from registry_service.domain.entities import (
    Deployment,
    DeploymentRole,
    DeploymentStatus,
    LiveDeployment,
    LiveModel,
    ModelVersion,
    StageChange,
)
from registry_service.domain.errors import (
    InvalidFilter,
    InvalidName,
    ModelNotFound,
    ModelRenamed,
    RegistryError,
)
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Role
from registry_service.domain.requests import (
    CancelPromotion,
    ObserveDeployment,
    RenameModel,
    StartDeployment,
    UpdateModel,
    VacateStage,
)
from registry_service.services.deployments import observe_deployment, start_deployment
from registry_service.services.model_names import rename_model
from registry_service.services.models import delete_model, update_model
from registry_service.services.promotions import cancel_promotion
from registry_service.services.stages import vacate_stage
from tests.services.world import HOUR, MINUTE, START, World

OTHER = digest_of(b"something else")


async def live(world: World, by: str = "rita", limit: int = 200, **asked: Any) -> list[LiveModel]:
    found: list[LiveModel] = []
    cursor, where = None, asked.pop("filter", None)
    while True:
        page = await world.look(by, list_live, PageRequest(limit=limit, cursor=cursor, filter=where), **asked)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def deploy(world: World, model: str = "fraud", **body: Any) -> Deployment:
    body = {"target": "eu-endpoint"} | body
    return await world.act("airflow", start_deployment, StartDeployment(model=model, **body))


async def observe(
    world: World, deployment: str, digest: str | None, status: DeploymentStatus = DeploymentStatus.RUNNING
) -> None:
    await world.act("airflow", observe_deployment, deployment, ObserveDeployment(digest=digest, status=status))


async def test_what_stages_authorised_stands_beside_what_targets_served(world: World) -> None:
    first, second = await world.registered(2)
    assert await live(world) == []
    promotion = await world.promote(1)
    moved = world.clock.now
    started = await deploy(world, promotion=promotion.id)
    world.clock.advance(HOUR)
    await observe(world, started.id, first.digest)
    seen = world.clock.now
    canary = await deploy(world, version="2", role=DeploymentRole.SHADOW, traffic=0.1)
    world.clock.advance(HOUR)
    await observe(world, canary.id, OTHER)

    (found,) = await live(world)
    (stage,) = found.stages
    assert (found.model_name, found.more) == ("fraud", False)
    assert (stage.stage, stage.version, stage.digest, stage.since) == ("production", 1, first.digest, moved)
    assert (stage.change, stage.promotion_id, stage.by) == (StageChange.PROMOTED, promotion.id, "airflow")
    by_role = {one.role: one for one in found.deployments}
    primary, trial = by_role[DeploymentRole.PRIMARY], by_role[DeploymentRole.SHADOW]
    assert (primary.target, primary.stage, primary.version, primary.digest) == (
        "eu-endpoint",
        "production",
        1,
        first.digest,
    )
    assert (primary.observed_digest, primary.observed_at, primary.drifted) == (first.digest, seen, False)
    assert (trial.stage, trial.traffic, trial.digest) == (None, 0.1, second.digest)
    assert (trial.observed_digest, trial.observed_at, trial.drifted) == (OTHER, world.clock.now, True)


class Life:
    """A long and disorderly one, of two models, and what was answered at each moment of it."""

    def __init__(self, world: World, versions: dict[str, list[ModelVersion]]) -> None:
        self.world = world
        self.versions = versions
        self.chance = random.Random(7)
        self.began: list[str] = []
        self.asked: list[tuple[datetime, list[LiveModel]]] = []
        self.done = 0

    async def go(self) -> None:
        self.world.clock.advance(self.chance.choice([MINUTE, HOUR]))
        name = self.chance.choice(sorted(self.versions))
        version = self.chance.choice(self.versions[name])
        act = self.chance.choices(
            [self.promote, self.roll_back, self.deploy_for_promotion, self.deploy_without_leave, self.observe],
            [1, 1, 1, 2, 4],
        )[0]
        try:
            await act(name, version)
            self.done += 1
        except (RegistryError, IndexError):
            pass  # what is refused changes nothing
        self.asked.append((self.world.clock.now, await live(self.world)))

    async def promote(self, name: str, version: ModelVersion) -> None:
        await self.world.promote(version.number, self.chance.choice(["staging", "production"]), model=name)

    async def roll_back(self, name: str, _: ModelVersion) -> None:
        await self.world.roll_back(model=name, from_version=await self.world.current(model=name))

    async def deploy_for_promotion(self, name: str, version: ModelVersion) -> None:
        promotion = await self.world.approved(version.number, model=name)
        target = self.chance.choice(["eu", "us"])
        self.began.append((await deploy(self.world, name, promotion=promotion.id, target=target)).id)
        match self.chance.choice(["cancel", "apply", "wait"]):
            case "cancel":
                await self.world.act("airflow", cancel_promotion, promotion.id, CancelPromotion())
            case "apply":
                await self.world.apply(promotion)

    async def deploy_without_leave(self, name: str, version: ModelVersion) -> None:
        role = self.chance.choice(list(DeploymentRole))
        started = await deploy(self.world, name, version=str(version.number), target="eu", role=role)
        self.began.append(started.id)

    async def observe(self, _: str, version: ModelVersion) -> None:
        digest = self.chance.choice([version.digest, *(one.digest for one in self.versions["fraud"]), None])
        status = self.chance.choice([*[DeploymentStatus.RUNNING] * 9, *DeploymentStatus])
        await observe(self.world, self.chance.choice(self.began), digest, status)

    def deployments(self) -> list[LiveDeployment]:
        return [one for _, found in self.asked for model in found for one in model.deployments]


async def test_the_past_is_answered_as_the_present_was_then(world: World) -> None:
    life = Life(world, {name: await world.registered(4, name) for name in ("fraud", "churn")})
    for _ in range(100):
        await life.go()
    assert life.done > 50
    assert {True, False} == {one.drifted for one in life.deployments()}
    assert any(one.observed_at is not None and one.observed_digest is None for one in life.deployments())

    for at, answered in life.asked:
        assert await live(world, as_of=at) == answered, at
        # Until the next thing happens, nothing changes.
        assert await live(world, as_of=at + MINUTE / 2) == answered, at
    for at, answered in life.chance.sample(life.asked, 20):
        for name, stage in [(model.model_name, stage) for model in answered for stage in model.stages]:
            then = await world.look("rita", get_stage, name, stage.stage, as_of=at)
            assert (then.version, then.digest, then.since, then.promotion_id) == (
                stage.version,
                stage.digest,
                stage.since,
                stage.promotion_id,
            )
    now = {one.deployment_id: one.drifted for model in life.asked[-1][1] for one in model.deployments}
    listed = await world.look_at_all("rita", list_deployments)
    assert {one.id: one.drifted for one in listed if one.ended_at is None} == now


async def test_leave_that_ended_counts_from_when_it_did(world: World) -> None:
    (version,) = await world.registered(1)
    promotion = await world.approved(1)
    started = await deploy(world, promotion=promotion.id)
    await observe(world, started.id, version.digest)
    before = world.clock.now
    world.clock.advance(HOUR)
    await world.act("airflow", cancel_promotion, promotion.id, CancelPromotion(reason="no longer"))
    assert [one.drifted for model in await live(world) for one in model.deployments] == [True]
    assert [one.drifted for model in await live(world, as_of=before) for one in model.deployments] == [False]


async def test_a_stage_that_was_vacated_says_so(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    world.clock.advance(HOUR)
    await world.revoke(1)
    await world.act("ben", vacate_stage, "fraud", "production", VacateStage(from_version=1, reason="revoked"))
    (found,) = await live(world)
    assert [(one.version, one.digest, one.since, one.change) for one in found.stages] == [
        (None, None, world.clock.now, StageChange.VACATED)
    ]
    (before,) = await live(world, as_of=START)
    assert [one.version for one in before.stages] == [1]


async def states(world: World, at: datetime | None = None) -> tuple[object, ...]:
    """Version and revocation of the stage; drift and revocation of the deployment."""

    (found,) = await live(world, as_of=at)
    (stage,), (one,) = found.stages, found.deployments
    return (stage.version, stage.revoked, one.drifted, one.revoked)


async def test_what_is_revoked_or_in_its_stage_no_more_is_not_as_authorised_from_that_moment_on(world: World) -> None:
    (first,) = await world.registered(1)
    await world.promote(1)
    started = await deploy(world, version="1", stage="production")
    await observe(world, started.id, first.digest)
    moments: list[tuple[datetime, tuple[object, ...]]] = [(world.clock.now, (1, False, False, False))]
    world.clock.advance(HOUR)
    await world.revoke(1)
    moments.append((world.clock.now, (1, True, True, True)))
    world.clock.advance(HOUR)
    await world.act("ben", vacate_stage, "fraud", "production", VacateStage(from_version=1, reason="revoked"))
    moments.append((world.clock.now, (None, False, True, True)))
    assert await states(world) == (None, False, True, True)
    for at, expected in moments:
        assert await states(world, at) == expected
        assert await states(world, at + MINUTE) == expected
    (listed,) = await world.look_at_all("rita", list_deployments)
    assert (listed.drifted, listed.revoked) == (True, True)
    # Once it has ended, it serves nothing that anybody would have to see to; the content is revoked all the same.
    await observe(world, started.id, first.digest, DeploymentStatus.ENDED)
    (listed,) = await world.look_at_all("rita", list_deployments)
    assert (listed.drifted, listed.revoked) == (False, True)


async def test_content_is_revoked_under_whatever_number_it_runs(world: World) -> None:
    await world.model()
    first, again = [await world.register(content=b"the same") for _ in range(2)]
    assert first.digest == again.digest
    started = await deploy(world, version="2")
    await observe(world, started.id, again.digest)
    await world.revoke(1)
    ((one,),) = [found.deployments for found in await live(world)]
    assert (one.version, one.drifted, one.revoked) == (2, True, True)


async def test_a_deployment_for_a_stage_is_by_its_request_until_that_ends_and_by_the_stage_from_then_on(
    world: World,
) -> None:
    first, _ = await world.registered(2)
    asked = await world.approved(1)
    started = await deploy(world, version="1", stage="production", run="run-1")
    assert started.promotion_id == asked.id
    await observe(world, started.id, first.digest)

    async def drifted() -> bool:
        ((one,),) = [found.deployments for found in await live(world)]
        (listed,) = await world.look_at_all("rita", list_deployments)
        assert listed.drifted is one.drifted
        return one.drifted

    assert not await drifted()
    world.clock.advance(HOUR)
    await world.apply(asked)
    assert not await drifted()
    # The run that starts it again finds it, although it is current by now.
    assert (await deploy(world, version="1", stage="production", run="run-1")).id == started.id
    before = world.clock.now
    world.clock.advance(HOUR)
    await world.promote(2)
    assert await drifted()
    ((one,),) = [found.deployments for found in await live(world, as_of=before)]
    assert not one.drifted


async def test_models_of_which_nothing_was_live_are_left_out(world: World) -> None:
    await world.registered(1)
    await world.registered(1, "churn")
    await world.registered(1, "idle")
    await deploy(world, "churn", version="1")
    world.clock.advance(HOUR)
    await world.promote(1)
    assert [one.model_name for one in await live(world)] == ["churn", "fraud"]
    assert [one.model_name for one in await live(world, as_of=START)] == ["churn"]
    assert await live(world, as_of=START - HOUR) == []


async def test_it_is_asked_of_one_model_of_a_pattern_of_a_stage_or_by_a_filter(world: World) -> None:
    for name in ("team-a.churn", "team-a.fraud", "team-b.fraud"):
        await world.registered(1, name)
        await world.promote(1, "staging", model=name)
        await deploy(world, name, version="1", stage="staging")
        await deploy(world, name, version="1", target="laptop")
    await world.promote(1, model="team-a.fraud")
    await world.act("airflow", update_model, "team-b.fraud", UpdateModel(tags={"tier": "1"}))

    async def names(**asked: Any) -> list[str]:
        return [one.model_name for one in await live(world, **asked)]

    assert await names(model="team-a.fraud") == ["team-a.fraud"]
    assert await names(model="team-a.*") == ["team-a.churn", "team-a.fraud"]
    assert await names(model="*.fraud", filter="tags.tier = '1'") == ["team-b.fraud"]
    assert await names(filter="model LIKE 'team-a%' AND NOT model = 'team-a.churn'") == ["team-a.fraud"]
    assert await names(stage="production") == ["team-a.fraud"]
    assert await names(model="nobody*") == []
    (one,) = await live(world, model="team-a.churn", stage="staging")
    assert ([stage.stage for stage in one.stages], [each.stage for each in one.deployments]) == (
        ["staging"],
        ["staging"],
    )
    assert [each.stage for each in (await live(world, model="team-a.churn"))[0].deployments] == ["staging", None]


async def test_pages_go_by_name_and_none_is_shown_twice_or_skipped(world: World) -> None:
    for number in range(7):
        await world.registered(1, f"m{number}")
        await world.promote(1, model=f"m{number}")
    assert [one.model_name for one in await live(world, limit=2)] == [f"m{number}" for number in range(7)]


async def test_what_is_out_of_sight_is_not_live(world: World) -> None:
    for name in ("fraud", "secret"):
        await world.registered(1, name)
        await world.promote(1, model=name)
    await world.person("otto", Role.READER, "fraud*")
    assert [one.model_name for one in await live(world, "otto")] == ["fraud"]
    assert [one.model_name for one in await live(world, "otto", model="*", limit=1)] == ["fraud"]
    refusals = []
    for name in ("secret", "absent"):
        with pytest.raises(ModelNotFound) as refused:
            await live(world, "otto", model=name)
        refusals.append(refused.value.message.replace(name, "<model>"))
    assert refusals[0] == refusals[1]


async def test_a_model_is_found_by_the_name_that_it_has_now(world: World) -> None:
    await world.registered(1)
    await world.registered(1, "gone")
    await world.promote(1)
    started = await deploy(world, "gone", version="1")
    before = world.clock.now
    world.clock.advance(HOUR)
    await world.act("ada", rename_model, "fraud", RenameModel(name="fraud-eu"))
    await observe(world, started.id, None, DeploymentStatus.ENDED)
    assert [one.model_name for one in await live(world, as_of=before)] == ["fraud-eu", "gone"]
    with pytest.raises(ModelRenamed):
        await live(world, model="fraud", as_of=before)
    await world.act("ada", delete_model, "gone")
    assert [one.model_name for one in await live(world, as_of=before)] == ["fraud-eu"]


async def test_what_can_be_no_name_or_filter_is_refused(world: World) -> None:
    for model, stage in (("a/b", None), ("a/*", None), (None, "a b")):
        with pytest.raises(InvalidName):
            await live(world, model=model, stage=stage)
    with pytest.raises(InvalidFilter):
        await live(world, filter="stage = 'production'")

from __future__ import annotations

from typing import Any

import pytest

from registry_service.db.queries.deployments import get_deployment, list_deployments
from registry_service.db.queries.versions import get_version
from registry_service.domain.entities import Deployment, DeploymentRole, DeploymentStatus
from registry_service.domain.errors import (
    Conflict,
    DeploymentNotFound,
    InvalidInput,
    NotApproved,
    NotPermitted,
    PersonRequired,
    PromotionNotFound,
    StageHeld,
    StageNotFound,
    VersionRevoked,
)
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Role
from registry_service.domain.requests import ObserveDeployment, StartDeployment
from registry_service.services.deployments import observe_deployment, start_deployment
from registry_service.services.principals import remove_grant
from tests.services.world import HOUR, World

OTHER = digest_of(b"something else")


async def deploy(world: World, *, by: str = "airflow", **body: Any) -> Deployment:
    body = {"model": "fraud", "target": "eu-endpoint"} | body
    return await world.act(by, start_deployment, StartDeployment(**body))


async def observe(
    world: World, deployment: Deployment, digest: str | None, status: DeploymentStatus = DeploymentStatus.RUNNING
) -> Deployment:
    body = ObserveDeployment(digest=digest, status=status)
    return await world.act("airflow", observe_deployment, deployment.id, body)


async def test_authorised_and_observed_are_two_facts(world: World) -> None:
    await world.registered(1)
    promotion = await world.lease(await world.approved(1))
    started = await deploy(world, promotion=promotion.id, run="run-1")
    assert (started.version, started.stage, started.digest) == (1, "production", promotion.digest)
    assert (started.status, started.observed_digest, started.drifted) == (DeploymentStatus.DEPLOYING, None, False)
    world.clock.advance(HOUR)
    running = await observe(world, started, promotion.digest)
    assert (running.status, running.observed_at, running.drifted) == (
        DeploymentStatus.RUNNING,
        world.clock.now,
        False,
    )


async def test_a_target_that_serves_something_else_has_drifted_and_that_is_told_once(world: World) -> None:
    await world.registered(1)
    started = await deploy(world, version="1")
    for digest in (started.digest, OTHER, OTHER, started.digest, OTHER):
        seen = await observe(world, started, digest)
        assert seen.drifted == (digest == OTHER)
    assert await world.kinds("deployment.*") == [
        "deployment.started",
        "deployment.observed",
        "deployment.drifted",
        "deployment.observed",
        "deployment.observed",
        "deployment.drifted",
    ]


async def test_a_run_that_starts_again_finds_its_deployment(world: World) -> None:
    await world.registered(1)
    first = await deploy(world, version="1", run="run-1")
    assert (await deploy(world, version="1", run="run-1")).id == first.id
    assert (await deploy(world, version="1", run="run-2")).id != first.id
    assert (await deploy(world, version="1", run="run-1", target="us-endpoint")).id != first.id


async def test_what_ran_there_before_ends_once_the_new_one_runs(world: World) -> None:
    await world.registered(2)
    old = await deploy(world, version="1")
    canary = await deploy(world, version="1", role=DeploymentRole.CANARY, traffic=0.1)
    await observe(world, old, old.digest)
    new = await deploy(world, version="2")
    assert (await world.look("rita", get_deployment, old.id)).status is DeploymentStatus.RUNNING
    await observe(world, new, new.digest)
    assert (await world.look("rita", get_deployment, old.id)).status is DeploymentStatus.ENDED
    assert (await world.look("rita", get_deployment, canary.id)).status is DeploymentStatus.DEPLOYING
    with pytest.raises(Conflict):
        await observe(world, old, old.digest)


async def test_a_record_without_authority_ends_none_that_a_stage_authorised(world: World) -> None:
    await world.registered(3)
    await world.promote(1)
    await world.promote(1, "staging")
    authorised = await deploy(world, version="1", stage="production")
    await observe(world, authorised, authorised.digest)
    for body in ({"version": "1"}, {"version": "1", "stage": "staging"}):
        other = await deploy(world, **body)
        await observe(world, other, other.digest)
        kept = await world.look("rita", get_deployment, authorised.id)
        assert (kept.status, kept.drifted) == (DeploymentStatus.RUNNING, False)
    # What the target itself says of it decides.
    assert (await observe(world, authorised, (await world.look("rita", get_version, "fraud", "2")).digest)).drifted
    await world.promote(3)
    new = await deploy(world, version="3", stage="production")
    await observe(world, new, new.digest)
    running = await world.look_at_all("rita", list_deployments, filter="status = 'running'")
    assert {(one.version, one.stage) for one in running} == {(3, "production"), (1, "staging")}


async def test_a_record_with_authority_ends_those_without(world: World) -> None:
    await world.registered(2)
    await world.promote(2)
    recorded = await deploy(world, version="1")
    authorised = await deploy(world, version="2", stage="production")
    await observe(world, authorised, authorised.digest)
    assert (await world.look("rita", get_deployment, recorded.id)).status is DeploymentStatus.ENDED


async def test_an_ended_deployment_stays_ended(world: World) -> None:
    await world.registered(1)
    started = await deploy(world, version="1")
    ended = await observe(world, started, None, DeploymentStatus.ENDED)
    assert ended.ended_at == world.clock.now
    world.clock.advance(HOUR)
    assert (await observe(world, started, None, DeploymentStatus.ENDED)).ended_at == ended.ended_at


# ----------------------------------------------------------------------------------------------- leave to deploy


@pytest.mark.parametrize("named", ["promotion", "stage"])
async def test_nothing_is_deployed_for_a_stage_before_it_is_approved(world: World, named: str) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    body = {"promotion": promotion.id} if named == "promotion" else {"version": "1", "stage": "production"}
    with pytest.raises(NotApproved):
        await deploy(world, **body)
    await world.approve("ben", promotion)
    assert (await deploy(world, **body)).stage == "production"
    await world.apply(promotion)
    assert (await deploy(world, **body)).stage == "production"


async def test_a_target_of_a_stage_takes_nothing_with_traffic_that_isnt_approved_for_it(world: World) -> None:
    await world.registered(3)
    await world.promote(1)
    # Nothing protects it before.
    free = await deploy(world, version="2")
    await observe(world, free, None, DeploymentStatus.ENDED)
    await deploy(world, version="1", stage="production")
    for role in (DeploymentRole.PRIMARY, DeploymentRole.CANARY):
        with pytest.raises(NotApproved) as refused:
            await deploy(world, version="2", role=role)
        assert refused.value.details == {
            "version": 2,
            "stage": "production",
            "target": "eu-endpoint",
            "protected_by": "production",
        }
        assert "'eu-endpoint' is protected by 'production'" in refused.value.message
        assert "Request its promotion." in refused.value.message
    # Without traffic, elsewhere, what is current, and what is approved.
    await deploy(world, version="2", role=DeploymentRole.SHADOW)
    await deploy(world, version="2", target="laptop")
    assert (await deploy(world, version="1")).stage is None
    asked = await world.request(3)
    with pytest.raises(NotApproved, match="is protected by 'production'"):
        await deploy(world, version="3", role=DeploymentRole.CANARY)
    await world.approve("ben", asked)
    assert (await deploy(world, version="3", role=DeploymentRole.CANARY)).promotion_id is None


async def test_a_target_stays_protected_after_the_end_until_who_may_vacate_the_stage_releases_it(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.promote(1, "staging")
    last = await deploy(world, version="1", stage="production")
    await observe(world, last, None, DeploymentStatus.ENDED)
    # Neither around the stage nor around it by an earlier one.
    for body in ({"version": "2"}, {"version": "2", "role": DeploymentRole.CANARY}):
        with pytest.raises(NotApproved, match=f"was the last one there.*reporting deployment '{last.id}'") as refused:
            await deploy(world, **body)
        assert refused.value.details["deployment"] == last.id
    asked = await world.approved(2, "staging")
    with pytest.raises(NotApproved, match="is protected by 'production'"):
        await deploy(world, promotion=asked.id)
    # A shadow for an earlier stage that came and went takes nothing over.
    shadow = await deploy(world, version="1", stage="staging", role=DeploymentRole.SHADOW)
    await observe(world, shadow, None, DeploymentStatus.ENDED)
    with pytest.raises(NotApproved, match="is protected by 'production'"):
        await deploy(world, version="2")
    await deploy(world, version="1")

    for person in ("airflow", "carl"):
        with pytest.raises((NotPermitted, PersonRequired)):
            await release(world, last, by=person)
    released = await release(world, last, by="maria")
    assert released.released_at == world.clock.now
    event = (await world.events("deployment.ended"))[-1]
    assert (event.actor, event.data["released"]) == ("maria", "the box serves the lab now")
    assert (await deploy(world, version="2")).stage is None


async def test_only_what_ended_for_a_stage_and_was_said_why_releases_a_target(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    standing = await deploy(world, version="1", stage="production")
    with pytest.raises(InvalidInput, match="has ended or failed"):
        await release(world, standing, by="maria", status=DeploymentStatus.RUNNING)
    with pytest.raises(InvalidInput, match="Say why"):
        await release(world, standing, by="maria", reason=" ")
    assert (await world.look("rita", get_deployment, standing.id)).status is DeploymentStatus.DEPLOYING
    free = await deploy(world, version="1", target="laptop")
    with pytest.raises(InvalidInput, match="is for no stage"):
        await release(world, free, by="maria")


async def release(
    world: World,
    deployment: Deployment,
    *,
    by: str,
    status: DeploymentStatus = DeploymentStatus.ENDED,
    reason: str = "the box serves the lab now",
) -> Deployment:
    body = ObserveDeployment(digest=None, status=status, release=reason)
    return await world.act(by, observe_deployment, deployment.id, body)


async def test_a_deployment_under_a_promotion_protects_its_target_and_of_another_model_it_doesnt(world: World) -> None:
    await world.registered(2)
    await world.registered(1, "churn")
    await deploy(world, promotion=(await world.approved(1)).id)
    await deploy(world, model="churn", version="1")
    with pytest.raises(NotApproved, match="is protected by 'production'"):
        await deploy(world, version="2")


async def test_each_stage_that_protects_a_target_has_its_say(world: World) -> None:
    await world.registered(3)
    await world.promote(1)
    await world.promote(2, "staging")
    await deploy(world, version="2", stage="staging")
    # A later stage takes the target over, and an earlier one doesn't get around it.
    await deploy(world, version="1", stage="production")
    with pytest.raises(NotApproved, match="is protected by 'production'") as refused:
        await deploy(world, version="2", stage="staging")
    assert refused.value.details["protected_by"] == "production"
    asked = await world.approved(3, "staging")
    with pytest.raises(NotApproved, match="is protected by 'production'"):
        await deploy(world, promotion=asked.id)
    await deploy(world, version="2", stage="staging", role=DeploymentRole.SHADOW)
    with pytest.raises(NotApproved, match="is protected by 'staging'"):
        await deploy(world, version="1")
    with pytest.raises(NotApproved, match="is protected by 'production'"):
        await deploy(world, version="2")
    await world.apply(asked)
    await world.promote(3)
    await deploy(world, version="3")


async def test_nothing_is_deployed_for_a_stage_that_it_was_never_asked_for(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    with pytest.raises(NotApproved, match="Request its promotion"):
        await deploy(world, version="2", stage="production")
    with pytest.raises(StageNotFound):
        await deploy(world, version="1", stage="live")


async def test_leave_to_deploy_is_judged_now(world: World) -> None:
    await world.registered(3)
    held = await world.approved(1)
    await world.hold()
    with pytest.raises(StageHeld):
        await deploy(world, promotion=held.id)
    lost = await world.approved(2, "staging")
    await world.act("ada", remove_grant, await world.grant_id("ben"))
    with pytest.raises(NotApproved):
        await deploy(world, promotion=lost.id)


async def test_what_is_over_gives_no_leave(world: World) -> None:
    await world.registered(3)
    rejected = await world.reject("ben", await world.request(1))
    replaced = await world.promote(2)
    await world.promote(3)
    for promotion in (rejected, replaced):
        with pytest.raises(NotApproved):
            await deploy(world, promotion=promotion.id)


async def test_a_revoked_version_is_deployed_nowhere(world: World) -> None:
    await world.registered(1)
    await world.promote(1)
    await world.revoke(1)
    for body in ({"version": "1"}, {"version": "1", "stage": "production"}):
        with pytest.raises(VersionRevoked):
            await deploy(world, **body)


async def test_what_is_deployed_fits_the_promotion_that_it_names(world: World) -> None:
    await world.registered(2)
    await world.registered(1, "churn")
    promotion = await world.approved(1)
    for body in (
        {"version": "2", "promotion": promotion.id},
        {"stage": "staging", "promotion": promotion.id},
        {"model": "churn", "promotion": promotion.id},
        {"version": "1", "traffic": 1.5},
        {"version": "1", "traffic": float("nan")},
        {"version": "1", "target": ""},
        {"version": "1", "run": "x" * 2000},
        {},
    ):
        with pytest.raises(InvalidInput):
            await deploy(world, **body)
    with pytest.raises(PromotionNotFound):
        await deploy(world, promotion="nobody")
    with pytest.raises(NotPermitted):
        await deploy(world, version="1", by="rita")


async def test_deployments_are_listed_where_their_model_is_in_sight(world: World) -> None:
    await world.registered(1)
    await world.registered(1, "churn")
    here = await deploy(world, version="1")
    await deploy(world, model="churn", version="1", target="us-endpoint")
    await world.person("otto", Role.READER, "fraud")
    assert await world.look_at_all("otto", list_deployments) == [here]
    assert len(await world.look_at_all("rita", list_deployments, filter="target = 'us-endpoint'")) == 1
    other = await world.look_at_all("rita", list_deployments, filter="model = 'churn'")
    with pytest.raises(DeploymentNotFound):
        await world.look("otto", get_deployment, other[0].id)

"""Ways that were tried to get around an approval. Each is one sentence and one refusal."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from registry_service.db.queries.deployments import get_deployment
from registry_service.db.queries.policies import list_attachments
from registry_service.domain.errors import (
    NotApproved,
    NotPermitted,
    PersonRequired,
    PromotionFinal,
    SelfApproval,
    StageProtected,
    VersionRevoked,
)
from registry_service.domain.permissions import Role
from registry_service.domain.policies import PolicyDocument, RequiredCondition
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import (
    ArrangeStages,
    AttachPolicy,
    CreateModel,
    MoveAlias,
    ObserveDeployment,
    RequestPromotion,
    StartDeployment,
    UpdateModel,
    UpdatePrincipal,
    VacateStage,
)
from registry_service.services.aliases import move_alias
from registry_service.services.deployments import observe_deployment, start_deployment
from registry_service.services.models import create_model, delete_model, restore_model, update_model
from registry_service.services.policies import attach_policy, detach_policy
from registry_service.services.principals import update_principal
from registry_service.services.promotions import request_promotion
from registry_service.services.stages import arrange_stages, vacate_stage
from tests.services.world import World

GOOD_ENOUGH = PolicyDocument(
    name="good-enough",
    nobody_need_review=True,
    conditions=(RequiredCondition(expression="metrics.auc >= 0.8 AND metrics.auc >= current.metrics.auc - 0.01"),),
)


async def test_nobody_empties_a_stage_of_what_is_good_to_let_in_what_is_worse(world: World) -> None:
    """Who contributes archives and takes from the archive; who approves vacates. Without an admin the comparison with
    what was current stays."""
    await world.registered(1)
    await world.promote(1)
    await world.act("carl", update_model, "fraud", UpdateModel(archived=True))
    body = VacateStage(from_version=1, reason="nobody is to be served")
    with pytest.raises(NotPermitted, match="model:delete"):
        await world.act("ben", vacate_stage, "fraud", "production", body)
    await world.act("ada", vacate_stage, "fraud", "production", body)
    assert await world.current() is None


async def test_no_stage_takes_over_targets_by_being_put_last(world: World) -> None:
    made = await world.model()
    await world.person("anna", Role.ADMIN, "fraud")
    for order in (["production", "staging"], ["staging", "production", "last"]):
        with pytest.raises(NotPermitted):
            await world.act("anna", arrange_stages, "fraud", ArrangeStages(stages=order), if_match=made.revision)
    before = ArrangeStages(stages=["dev", "staging", "production"])
    await world.act("anna", arrange_stages, "fraud", before, if_match=made.revision)


async def test_an_empty_stage_waives_the_comparison_and_not_the_floor(solo: World) -> None:
    await solo.policy(GOOD_ENOUGH)
    await solo.model()
    await solo.register(metrics={"auc": 0.1})
    await solo.register(metrics={"auc": 0.85})
    with pytest.raises(NotApproved, match=r"metrics\.auc"):
        await solo.apply(await solo.request(1))
    assert (await solo.apply(await solo.request(2))).phase is Phase.APPLIED


async def test_no_service_empties_a_stage_whatever_its_role(solo: World) -> None:
    await solo.grant("airflow", Role.ADMIN)
    await solo.registered(1)
    await solo.promote(1)
    await solo.act("airflow", update_model, "fraud", UpdateModel(archived=True))
    with pytest.raises(PersonRequired):
        await solo.act("airflow", vacate_stage, "fraud", "production", VacateStage(from_version=1, reason="room"))
    assert await solo.current() == 1


@pytest.mark.parametrize("alias", ["production", "Production", "canary"])
async def test_no_alias_passes_for_a_stage_that_the_model_lacks(solo: World, alias: str) -> None:
    await solo.attach("regulated", stage="canary")
    await solo.act("carl", create_model, CreateModel(name="own", stages=["test"]))
    await solo.register("own", by="carl")
    with pytest.raises(StageProtected, match="name of stages"):
        await solo.act("carl", move_alias, "own", alias, MoveAlias(version="1"))


async def test_revoked_content_does_not_come_back_under_a_new_number(solo: World) -> None:
    await solo.model()
    await solo.register(content=b"poisoned")
    await solo.register(content=b"poisoned")
    twin = await solo.request(2)
    await solo.revoke(1)
    with pytest.raises(PromotionFinal):
        await solo.approve("ben", twin)
    with pytest.raises(VersionRevoked):
        await solo.act("carl", move_alias, "fraud", "champion", MoveAlias(version="2"))
    with pytest.raises(VersionRevoked, match="revoked as version 1"):
        await solo.register(content=b"poisoned")


async def test_whoever_owned_the_service_when_it_registered_may_not_approve_afterwards(world: World) -> None:
    await world.registered(1)
    asked = await world.request(1)
    await world.act("ada", update_principal, "airflow", UpdatePrincipal(owners=["maria"]))
    with pytest.raises(SelfApproval):
        await world.approve("ada", asked)
    with pytest.raises(SelfApproval):
        await world.approve("maria", asked)


async def test_renewing_a_lease_does_not_keep_an_approval_alive_for_ever(solo: World) -> None:
    short = PolicyDocument(
        name="short",
        nobody_need_review=True,
        approval_expires_after=3600,
        lease_seconds=600,
        request_expires_after=3600,
    )
    await solo.policy(short)
    await solo.registered(1)
    asked = await solo.request(1)
    await solo.lease(asked)
    for _ in range(14):
        solo.clock.advance(timedelta(seconds=300))
        try:
            await solo.lease(asked)
        except (NotApproved, PromotionFinal):
            break
    else:
        pytest.fail("an hour's approval was renewed for more than an hour")
    with pytest.raises((NotApproved, PromotionFinal)):
        await solo.apply(asked, "run-1")


async def test_a_forced_policy_finds_the_requests_that_are_under_way(solo: World) -> None:
    """On PostgreSQL two transactions overlap: the request must not pin what the attachment has just replaced."""

    await solo.attach("open")
    await solo.model()
    missed = 0
    for number in range(1, 9):
        await solo.register()
        forced = AttachPolicy(policy="team", model_pattern="*", stage="production", force=True)
        asked = RequestPromotion(model="fraud", version=str(number), stage="production")
        promotion, change = await asyncio.gather(
            solo.act("airflow", request_promotion, asked), solo.act("ada", attach_policy, forced)
        )
        pinned = {pin.name for pin in promotion.policies}
        missed += "team" not in pinned and (await solo.promotion(promotion)).phase is not Phase.STALE
        assert change.attachment_id is not None
        await _detach_team(solo)
    assert missed == 0


async def _detach_team(world: World) -> None:
    for held in await world.look_at_all("ada", list_attachments):
        if held.policy == "team":
            await world.act("ada", detach_policy, held.id)


async def test_what_runs_for_a_promotion_that_was_rejected_is_told_to_run_without_leave(solo: World) -> None:
    await solo.registered(1)
    asked = await solo.approved(1)
    await solo.lease(asked)
    started = await solo.act(
        "airflow", start_deployment, StartDeployment(model="fraud", target="eu", promotion=asked.id, run="run-1")
    )
    seen = ObserveDeployment(digest=asked.digest)
    assert not (await solo.act("airflow", observe_deployment, started.id, seen)).drifted
    await solo.reject("maria", asked)
    assert (await solo.look("ada", get_deployment, started.id)).drifted
    (told,) = await solo.events("deployment.drifted")
    assert (told.subject, told.data["reason"]) == (started.id, f"promotion {asked.id} is REJECTED")


async def test_own_work_stays_own_under_the_number_of_somebody_else(world: World) -> None:
    await world.model()
    await world.register(by="ben", content=b"the work of ben")
    await world.register(by="carl", content=b"the work of ben")
    asked = await world.request(2, by="carl")
    with pytest.raises(SelfApproval):
        await world.approve("ben", asked)
    assert (await world.approve("maria", asked)).phase is Phase.APPROVED


async def test_a_copy_registered_later_takes_no_approval_away(world: World) -> None:
    await world.registered(1, content=b"of the pipeline")
    asked = await world.approved(1)
    await world.register(by="ben", content=b"of the pipeline")
    assert (await world.apply(asked)).phase is Phase.APPLIED


async def test_an_admins_token_for_approvers_takes_no_admins_place(world: World) -> None:
    await world.attach("regulated", stage="production")
    await world.registered(1)
    await world.check(1)
    await world.person("zoe", Role.ADMIN)
    narrowed = await world.actor("zoe", token=await world.token_of("zoe", Role.APPROVER))
    asked = await world.request(1)
    with pytest.raises(NotPermitted, match="wider token"):
        await world.approve(narrowed, asked)
    to_staging = await world.request(1, "staging")
    assert (await world.approve(narrowed, to_staging)).phase is Phase.APPROVED
    assert (await world.reject(narrowed, asked)).phase is Phase.REJECTED


@pytest.mark.parametrize(
    "where", [{"stage": "Production"}, {"pattern": "FRAUD"}, {"pattern": "Fr*", "stage": "PRODUCTION"}]
)
async def test_a_forced_policy_finds_requests_whatever_the_case(world: World, where: dict[str, str]) -> None:
    await world.registered(1)
    asked = await world.approved(1)
    await world.attach("regulated", **where, force=True)
    assert (await world.promotion(asked)).phase is Phase.STALE


async def test_no_request_sleeps_through_a_forced_policy_in_a_deleted_model(world: World) -> None:
    await world.registered(1)
    asked = await world.approved(1)
    await world.act("ada", delete_model, "fraud")
    await world.attach("regulated", force=True)
    await world.act("ada", restore_model, "fraud")
    with pytest.raises(PromotionFinal):
        await world.apply(asked)

"""The gate: apply judges again, under one lease per stage, and nothing enters by time alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from registry_service.db.queries.promotions import test_policy as try_policy
from registry_service.domain.entities import Promotion
from registry_service.domain.errors import (
    IllegalMove,
    InvalidInput,
    LeaseHeld,
    NotApproved,
    NotLeaseHolder,
    NotPermitted,
    PromotionFinal,
)
from registry_service.domain.policies import PolicyDocument, Prerequisite, RequiredCheck, ReviewRule
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import FailPromotion, ReleaseLease
from registry_service.domain.requests import TestPolicy as Trial
from registry_service.services.promotions import fail_promotion, release_lease
from tests.services.world import DAY, HOUR, MINUTE, World

APPROVER = ReviewRule(name="approver", role="approver")
CHECKED = PolicyDocument(name="checked", rules=(APPROVER,), checks=(RequiredCheck(name="evaluation"),))


async def release(world: World, promotion: Promotion, holder: str = "run-1") -> Promotion:
    return await world.act("airflow", release_lease, promotion.id, ReleaseLease(holder=holder))


async def fail(world: World, promotion: Promotion, holder: str = "run-1") -> Promotion:
    body = FailPromotion(holder=holder, reason="endpoint refused it")
    return await world.act("airflow", fail_promotion, promotion.id, body)


async def test_apply_makes_the_version_current_and_tells(world: World) -> None:
    await world.registered(1)
    applied = await world.promote(1)
    assert (applied.phase, applied.is_current, applied.applied_by) == (Phase.APPLIED, True, "airflow")
    assert applied.decision.outcome == "closed"
    stage = await world.stage()
    assert (stage.version, stage.digest, stage.promotion_id) == (1, applied.digest, applied.id)
    moved = (await world.events("stage.moved"))[-1]
    assert (moved.subject, moved.data["version"], moved.data["digest"], moved.data["previous"]) == (
        "production",
        1,
        applied.digest,
        None,
    )


async def test_nothing_is_applied_that_is_not_approved(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    for act in (world.apply(promotion), world.lease(promotion)):
        with pytest.raises(NotApproved) as refused:
            await act
        assert refused.value.details["decision"]["reasons"][0]["code"] == "review_missing"
    assert await world.current() is None


async def test_applied_again_it_is_answered_without_effect(world: World) -> None:
    await world.registered(2)
    promotion = await world.promote(1)
    before = await world.events()
    assert await world.apply(promotion) == await world.promotion(promotion)
    assert (await world.lease(promotion)).lease is None
    assert await world.events() == before
    await world.promote(2)
    for act in (world.apply(promotion), world.lease(promotion)):
        with pytest.raises(PromotionFinal):
            await act
    assert await world.current() == 2


async def test_a_reader_applies_nothing(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    for act in (world.apply(promotion, by="rita"), world.lease(promotion, by="rita")):
        with pytest.raises(NotPermitted):
            await act


# ------------------------------------------------------------------------------------------------------- leases


async def test_one_run_deploys_and_commits(world: World) -> None:
    await world.registered(1)
    leased = await world.lease(await world.approved(1))
    assert leased.phase is Phase.APPLYING
    assert leased.lease is not None
    assert (leased.lease.holder, leased.lease.expires_at) == ("run-1", world.clock.now + HOUR)
    assert leased.decision.outcome == "applicable"
    assert (await world.promotion(leased)).decision.outcome == "blocked"
    assert (await world.promotion(leased, holder="run-1")).decision.outcome == "applicable"
    applied = await world.apply(leased, "run-1")
    assert applied.is_current
    assert applied.lease is None


async def test_nobody_but_the_holder_commits_what_is_being_deployed(world: World) -> None:
    await world.registered(1)
    promotion = await world.lease(await world.approved(1))
    with pytest.raises(NotLeaseHolder):
        await world.apply(promotion)
    for act in (world.apply(promotion, "run-2"), world.lease(promotion, "run-2")):
        with pytest.raises(LeaseHeld):
            await act
    for other in (release, fail):
        with pytest.raises(NotLeaseHolder):
            await other(world, promotion, "run-2")


async def test_one_lease_per_stage(world: World) -> None:
    await world.registered(2)
    first, second = await world.approved(1), await world.approved(2)
    elsewhere = await world.approved(2, "staging")
    await world.lease(first)
    for act in (world.lease(second, "run-2"), world.apply(second), world.apply(second, "run-1")):
        with pytest.raises(LeaseHeld):
            await act
    await world.lease(elsewhere, "run-2")
    await world.apply(first, "run-1")
    assert (await world.apply(second)).is_current


async def test_concurrent_leases_have_one_winner(world: World) -> None:
    await world.registered(4)
    approved = [await world.approved(number) for number in (1, 2, 3, 4)]
    outcomes = await asyncio.gather(
        *(world.lease(promotion, f"run-{index}") for index, promotion in enumerate(approved)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [*["LeaseHeld"] * 3, "Promotion"]


async def test_the_same_run_takes_its_lease_again_and_longer(world: World) -> None:
    await world.registered(1)
    promotion = await world.lease(await world.approved(1), seconds=60)
    world.clock.advance(timedelta(seconds=59))
    again = await world.lease(promotion, seconds=120)
    assert again.lease is not None
    assert again.lease.expires_at == world.clock.now + timedelta(seconds=120)
    world.clock.advance(timedelta(seconds=119))
    assert (await world.apply(promotion, "run-1")).is_current


@pytest.mark.parametrize(("asked", "given"), [(None, 3600), (10**18, 3600), (0, 10), (-5, 10), (600, 600)])
async def test_a_lease_lasts_as_asked_within_what_the_policy_allows(
    world: World, asked: int | None, given: int
) -> None:
    await world.registered(1)
    leased = await world.lease(await world.approved(1), seconds=asked)
    assert leased.lease is not None
    assert leased.lease.expires_at - leased.lease.acquired_at == timedelta(seconds=given)


async def test_a_lease_that_ran_out_leads_back_to_approved(world: World) -> None:
    await world.registered(1)
    promotion = await world.lease(await world.approved(1))
    world.clock.advance(HOUR)
    await world.registry.sweep()
    released = await world.promotion(promotion)
    assert (released.phase, released.lease) == (Phase.APPROVED, None)
    assert (await world.kinds("promotion.*"))[-1] == "promotion.lease_released"
    assert (await world.lease(promotion, "run-2")).phase is Phase.APPLYING


async def test_a_lease_that_ran_out_stops_nobody_although_nobody_swept(world: World) -> None:
    await world.registered(2)
    first, second = await world.approved(1), await world.approved(2)
    await world.lease(first)
    world.clock.advance(HOUR)
    assert (await world.lease(second, "run-2")).phase is Phase.APPLYING
    with pytest.raises(LeaseHeld):
        await world.apply(first, "run-1")
    assert (await world.apply(second, "run-2")).is_current


async def test_a_holder_that_comes_late_finds_its_promotion_approved_still(world: World) -> None:
    """The lease ran out and nobody else came: judged again, it may go ahead."""

    await world.registered(1)
    promotion = await world.lease(await world.approved(1))
    world.clock.advance(2 * HOUR)
    assert (await world.apply(promotion, "run-1")).is_current


async def test_a_lease_given_back_leads_back_to_approved(world: World) -> None:
    await world.registered(1)
    promotion = await world.lease(await world.approved(1))
    assert (await release(world, promotion)).phase is Phase.APPROVED
    assert (await release(world, promotion)).phase is Phase.APPROVED
    assert (await world.kinds("promotion.lease_released")) == ["promotion.lease_released"]


async def test_a_deployment_fails_only_where_its_holder_says_so(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    with pytest.raises(IllegalMove):
        await fail(world, promotion)
    await world.lease(promotion)
    failed = await fail(world, promotion)
    assert (failed.phase, failed.lease) == (Phase.FAILED, None)
    assert failed.closure is not None and failed.closure.reason == "endpoint refused it"
    assert (await fail(world, promotion)).closure == failed.closure
    with pytest.raises(PromotionFinal):
        await world.apply(promotion, "run-1")
    assert (await world.stage()).failed == []
    assert (await world.promote(1)).is_current


async def test_a_lease_has_a_holder(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    for holder in ("", "  ", "x" * 1025):
        with pytest.raises(InvalidInput):
            await world.lease(promotion, holder)


# ------------------------------------------------------------------------------------------------ judged again


@pytest.mark.parametrize("deploying", [False, True])
async def test_a_version_revoked_after_its_approval_does_not_enter(world: World, deploying: bool) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    holder = "run-1" if deploying else None
    if deploying:
        await world.lease(promotion)
    await world.revoke(1)
    stale = await world.promotion(promotion)
    assert stale.phase is Phase.STALE
    assert stale.closure is not None and "leaks data" in stale.closure.reason
    with pytest.raises(PromotionFinal):
        await world.apply(promotion, holder)
    assert await world.current() is None


async def test_a_required_check_that_fails_later_blocks_until_it_passes(solo: World) -> None:
    await solo.policy(CHECKED)
    await solo.registered(1)
    promotion = await solo.approved(1)
    assert [reason.code for reason in promotion.decision.reasons] == ["check_missing"]
    await solo.check(1)
    assert (await solo.promotion(promotion)).phase is Phase.APPROVED
    await solo.check(1, passed=False)
    blocked = await solo.promotion(promotion)
    assert (blocked.phase, blocked.decision.outcome) == (Phase.APPROVED, "blocked")
    for act in (solo.apply(promotion), solo.lease(promotion)):
        with pytest.raises(NotApproved, match="failed"):
            await act
    await solo.check(1)
    assert (await solo.apply(promotion)).is_current


async def test_a_check_voids_no_review(solo: World) -> None:
    await solo.policy(CHECKED)
    await solo.registered(1)
    promotion = await solo.approved(1)
    for passed in (True, False, True, True):
        await solo.check(1, passed=passed)
    await solo.check(1, name="latency", passed=False)
    assert (await solo.promotion(promotion)).phase is Phase.APPROVED
    assert len((await solo.promotion(promotion)).reviews) == 1


async def test_a_prerequisite_is_met_by_having_been_current_long_enough(solo: World) -> None:
    document = PolicyDocument(
        name="soaked", rules=(APPROVER,), prerequisites=(Prerequisite(stage="staging", seconds=3600),)
    )
    await solo.policy(document, attach=False)
    await solo.attach("soaked", stage="production")
    await solo.registered(1)
    promotion = await solo.approved(1)
    assert [reason.code for reason in promotion.decision.reasons] == ["prerequisite_not_met"]
    await solo.promote(1, "staging")
    assert [reason.code for reason in (await solo.promotion(promotion)).decision.reasons] == [
        "prerequisite_not_yet_met"
    ]
    solo.clock.advance(HOUR - MINUTE)
    await solo.registry.sweep()
    assert (await solo.promotion(promotion)).phase is Phase.PENDING
    solo.clock.advance(MINUTE)
    await solo.registry.sweep()
    assert (await solo.promotion(promotion)).phase is Phase.APPROVED
    assert (await solo.apply(promotion)).is_current


async def test_the_time_of_a_prerequisite_is_that_of_the_version_in_that_stage(solo: World) -> None:
    document = PolicyDocument(
        name="soaked", rules=(APPROVER,), prerequisites=(Prerequisite(stage="staging", seconds=3600),)
    )
    await solo.registered(3)
    await solo.promote(1, "staging")
    solo.clock.advance(10 * MINUTE)
    await solo.promote(1)  # elsewhere: it ends no time in staging
    solo.clock.advance(10 * MINUTE)
    await solo.promote(2, "staging")
    solo.clock.advance(HOUR)
    await solo.promote(3, "staging")
    await solo.roll_back("staging", from_version=3, to="2")
    await solo.roll_back("staging", from_version=2)
    solo.clock.advance(10 * MINUTE)
    body = Trial(model="fraud", version="1", stage="production", document=document)
    decision = await solo.look("ada", try_policy, body)
    assert [reason.message for reason in decision.reasons if reason.code == "prerequisite_not_yet_met"] == [
        "It must be current in 'staging' for 1 h; 30 min are left."
    ]


async def test_a_prerequisite_without_a_time_is_met_the_moment_it_is_current_there(solo: World) -> None:
    document = PolicyDocument(name="staged", rules=(APPROVER,), prerequisites=(Prerequisite(stage="staging"),))
    await solo.policy(document, attach=False)
    await solo.attach("staged", stage="production")
    await solo.registered(1)
    promotion = await solo.approved(1)
    assert promotion.phase is Phase.PENDING
    await solo.promote(1, "staging")
    assert (await solo.promotion(promotion)).phase is Phase.APPROVED


async def test_a_prerequisite_is_not_met_by_another_version_that_was_there(solo: World) -> None:
    document = PolicyDocument(name="staged", rules=(APPROVER,), prerequisites=(Prerequisite(stage="staging"),))
    await solo.policy(document, attach=False)
    await solo.attach("staged", stage="production")
    await solo.registered(2)
    await solo.promote(1, "staging")
    promotion = await solo.approved(2)
    assert [reason.code for reason in promotion.decision.reasons] == ["prerequisite_not_met"]
    with pytest.raises(NotApproved):
        await solo.apply(promotion)


async def test_once_all_that_was_newer_is_good_no_more_an_older_version_may_come(solo: World) -> None:
    await solo.registered(4)
    for number in (1, 3, 4):
        await solo.promote(number)
    await solo.roll_back(from_version=4, to="1")
    assert (await solo.request(2)).phase is Phase.SUPERSEDED
    await solo.revoke(3)
    assert (await solo.promote(2)).is_current


# ---------------------------------------------------------------------------------------------------------- time


async def test_a_request_expires_and_expiry_never_approves(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    world.clock.advance(14 * DAY - MINUTE)
    await world.registry.sweep()
    assert (await world.promotion(promotion)).phase is Phase.PENDING
    world.clock.advance(MINUTE)
    await world.registry.sweep()
    expired = await world.promotion(promotion)
    assert expired.phase is Phase.EXPIRED
    assert expired.closure is not None and expired.closure.by == "registry"
    assert (await world.kinds("promotion.*"))[-1] == "promotion.expired"
    with pytest.raises(PromotionFinal):
        await world.approve("ben", promotion)
    assert (await world.request(1)).id != promotion.id


async def test_an_approval_has_its_own_time(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    world.clock.advance(13 * DAY)
    approved = await world.approve("ben", promotion)
    assert approved.expires_at == world.clock.now + 7 * DAY
    world.clock.advance(7 * DAY)
    with pytest.raises(PromotionFinal, match="expired"):
        await world.apply(promotion)
    await world.registry.sweep()
    assert (await world.promotion(promotion)).phase is Phase.EXPIRED


async def test_an_expired_request_is_not_approved_although_nobody_swept(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    world.clock.advance(15 * DAY)
    for act in (world.approve("ben", promotion), world.withdraw("ben", promotion), world.apply(promotion)):
        with pytest.raises(PromotionFinal):
            await act
    fresh = await world.request(1)
    assert fresh.id != promotion.id
    assert fresh.phase is Phase.PENDING
    assert (await world.promotion(promotion)).phase is Phase.EXPIRED


async def test_a_withdrawal_does_not_give_a_request_more_time(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    world.clock.advance(10 * DAY)
    await world.approve("ben", promotion)
    world.clock.advance(5 * DAY)
    assert (await world.withdraw("ben", promotion)).phase is Phase.EXPIRED


async def test_a_deployment_under_way_is_not_ended_by_the_approvals_age(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    world.clock.advance(7 * DAY - MINUTE)
    await world.lease(promotion)
    world.clock.advance(2 * MINUTE)
    await world.registry.sweep()
    assert (await world.apply(promotion, "run-1")).is_current


async def test_sweeping_twice_is_as_good_as_once(world: World) -> None:
    await world.registered(1)
    await world.request(1)
    world.clock.advance(20 * DAY)
    await world.registry.sweep()
    before = await world.events()
    await world.registry.sweep()
    assert await world.events() == before


async def test_the_sweeper_ends_holds_and_says_so(world: World) -> None:
    await world.model()
    await world.hold(until=world.clock.now + HOUR)
    world.clock.advance(HOUR)
    await world.registry.sweep()
    await world.registry.sweep()
    assert await world.kinds("stage.*") == ["stage.held", "stage.released"]

"""Asking for a version in a stage, and what a newer request means for older ones."""

from __future__ import annotations

import asyncio

import pytest

from registry_service.db.queries.policies import list_attachments
from registry_service.domain.errors import (
    InvalidInput,
    ModelNotFound,
    NotApproved,
    NotPermitted,
    PromotionFinal,
    SelfApproval,
    StageNotFound,
    VersionNotFound,
)
from registry_service.domain.permissions import Role
from registry_service.domain.policies import OPEN, TEAM, OnNewer, PolicyDocument
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import CancelPromotion
from registry_service.services.policies import detach_policy
from registry_service.services.promotions import cancel_promotion
from tests.services.world import DAY, HOUR, World


def team(on_newer: OnNewer) -> PolicyDocument:
    return PolicyDocument(name=on_newer.replace("_", "-"), rules=TEAM.rules, on_newer=on_newer)


async def test_a_request_waits_for_the_people_whom_the_policy_asks_for(world: World) -> None:
    (version,) = await world.registered(1)
    promotion = await world.request(1, reason="better recall")
    assert (promotion.phase, promotion.version, promotion.digest) == (Phase.PENDING, 1, version.digest)
    assert [(pin.name, pin.version) for pin in promotion.policies] == [("team", 1)]
    assert [reason.code for reason in promotion.decision.reasons] == ["review_missing"]
    assert (promotion.requested_by, promotion.reason, promotion.replaces) == ("airflow", "better recall", None)
    assert promotion.expires_at == world.clock.now + 14 * DAY


async def test_the_same_digest_asked_for_twice_is_one_request(world: World) -> None:
    await world.registered(1)
    first = await world.request(1)
    for selector, by in (("latest", "carl"), (first.digest, "airflow")):
        assert (await world.request(selector, by=by)).id == first.id
    assert await world.kinds("promotion.*") == ["promotion.requested"]
    assert (await world.request(1, "staging")).id != first.id


async def test_concurrent_requests_of_one_digest_are_one(world: World) -> None:
    await world.registered(1)
    made = await asyncio.gather(*(world.request(1, by=by) for by in ("airflow", "carl", "ben", "maria", "ada")))
    assert len({promotion.id for promotion in made}) == 1


async def test_what_is_current_already_is_answered_by_the_promotion_that_brought_it(world: World) -> None:
    await world.registered(1)
    applied = await world.promote(1)
    again = await world.request(1)
    assert (again.id, again.phase, again.is_current) == (applied.id, Phase.APPLIED, True)


async def test_after_a_final_phase_a_new_request_starts_afresh(world: World) -> None:
    await world.registered(1)
    first = await world.request(1)
    await world.approve("ben", first)
    await world.reject("maria", first)
    second = await world.request(1)
    assert second.id != first.id
    assert second.phase is Phase.PENDING
    assert second.reviews == []


async def test_where_nobody_need_review_a_request_is_approved_at_once(solo: World) -> None:
    await solo.attach(OPEN.name)
    await solo.registered(1)
    promotion = await solo.request(1)
    assert promotion.phase is Phase.APPROVED
    assert await solo.kinds("promotion.*") == ["promotion.requested", "promotion.approved"]


async def test_where_no_policy_holds_nobody_can_approve(world: World) -> None:
    for attachment in await world.look_at_all("ada", list_attachments):
        await world.act("ada", detach_policy, attachment.id)
    await world.registered(1)
    promotion = await world.request(1)
    assert [reason.code for reason in promotion.decision.reasons] == ["no_policy"]
    reviewed = await world.approve("ben", promotion)
    assert reviewed.phase is Phase.PENDING
    with pytest.raises(NotApproved, match="No policy held"):
        await world.apply(promotion)


async def test_what_is_not_there_can_not_be_asked_for(world: World) -> None:
    await world.registered(1)
    for selector, stage, refusal in ((2, "production", VersionNotFound), (1, "live", StageNotFound)):
        with pytest.raises(refusal):
            await world.request(selector, stage)
    with pytest.raises(ModelNotFound):
        await world.request(1, model="other")
    with pytest.raises(NotPermitted):
        await world.request(1, by="rita")
    with pytest.raises(InvalidInput):
        await world.request(1, people=["somebody"] * 101)


async def test_a_request_is_cancelled_at_any_time_before_it_is_applied(world: World) -> None:
    await world.registered(1)
    promotion = await world.lease(await world.approved(1))
    cancelled = await world.act("carl", cancel_promotion, promotion.id, CancelPromotion(reason="not today"))
    assert (cancelled.phase, cancelled.lease) == (Phase.CANCELLED, None)
    assert cancelled.closure is not None
    assert (cancelled.closure.reason, cancelled.closure.by) == ("not today", "carl")
    again = await world.act("carl", cancel_promotion, promotion.id, CancelPromotion())
    assert again.closure == cancelled.closure
    applied = await world.promote(1)
    with pytest.raises(PromotionFinal):
        await world.act("carl", cancel_promotion, applied.id, CancelPromotion())


async def test_a_reason_that_is_a_sentence_ends_only_once(world: World) -> None:
    await world.registered(1)
    asked = await world.request(1)
    await world.act("carl", cancel_promotion, asked.id, CancelPromotion(reason="Not today."))
    with pytest.raises(PromotionFinal, match=r"final: Not today\. Request a new one"):
        await world.approve("ben", asked)


# ------------------------------------------------------------------------------------------------- newer requests


async def test_a_newer_request_takes_the_place_of_an_unreviewed_one(world: World) -> None:
    await world.registered(3)
    unreviewed = await world.request(1)
    elsewhere = await world.request(1, "staging")
    newer = await world.request(2)
    assert (await world.promotion(unreviewed)).phase is Phase.SUPERSEDED
    assert (await world.promotion(elsewhere)).phase is Phase.PENDING
    assert newer.phase is Phase.PENDING


async def test_a_reviewed_request_is_kept_so_that_nightly_runs_starve_no_quorum(solo: World) -> None:
    world = solo
    await world.attach("regulated")
    await world.registered(3)
    reviewed = await world.approve("ben", await world.request(1))
    for number in (2, 3):
        world.clock.advance(DAY)
        await world.request(number)
    assert (await world.promotion(reviewed)).phase is Phase.PENDING
    await world.check(1)
    with pytest.raises(SelfApproval):
        await world.approve("ada", reviewed)
    await world.person("olga", Role.ADMIN)
    assert (await world.approve("olga", await world.promotion(reviewed))).phase is Phase.APPROVED


async def test_a_withdrawn_review_keeps_no_request(world: World) -> None:
    await world.registered(2)
    first = await world.request(1)
    await world.approve("ben", first)
    await world.withdraw("ben", first)
    await world.request(2)
    assert (await world.promotion(first)).phase is Phase.SUPERSEDED


async def test_an_older_version_asked_for_later_supersedes_nothing(world: World) -> None:
    await world.registered(2)
    newer = await world.request(2)
    older = await world.request(1)
    assert (await world.promotion(newer)).phase is Phase.PENDING
    assert older.phase is Phase.PENDING


async def test_a_queue_lets_the_older_go_first(solo: World) -> None:
    await solo.policy(team(OnNewer.QUEUE))
    await solo.registered(2)
    first = await solo.approved(1)
    solo.clock.advance(HOUR)
    second = await solo.approved(2)
    assert second.phase is Phase.APPROVED
    with pytest.raises(NotApproved, match="asked for earlier"):
        await solo.apply(second)
    await solo.apply(first)
    assert (await solo.apply(second)).is_current


async def test_in_parallel_neither_waits_and_an_older_one_is_overtaken(solo: World) -> None:
    await solo.policy(team(OnNewer.PARALLEL))
    await solo.registered(2)
    older, newer = await solo.approved(1), await solo.approved(2)
    assert (await solo.promotion(older)).phase is Phase.APPROVED
    await solo.apply(newer)
    overtaken = await solo.promotion(older)
    assert overtaken.phase is Phase.SUPERSEDED
    with pytest.raises(PromotionFinal):
        await solo.apply(older)


async def test_an_older_version_than_one_that_was_applied_comes_back_by_rollback_only(world: World) -> None:
    await world.registered(2)
    await world.promote(2)
    late = await world.request(1)
    assert late.phase is Phase.SUPERSEDED
    assert await world.current() == 2

from __future__ import annotations

import asyncio

import pytest

from registry_service.domain.entities import Promotion
from registry_service.domain.errors import (
    InvalidInput,
    NoRollbackTarget,
    NothingToRollBack,
    NotPermitted,
    PromotionFinal,
    StageHeld,
    VersionDeleted,
    VersionRevoked,
)
from registry_service.domain.permissions import Role
from registry_service.domain.policies import TEAM, PolicyDocument, RollbackRule
from registry_service.domain.promotions import Phase, PromotionKind
from registry_service.domain.requests import DeleteVersion, RollBack, RollbackHold
from registry_service.services.keeping import delete_version
from registry_service.services.policies import detach_policy
from registry_service.services.rollback import roll_back
from tests.services.world import HOUR, World


@pytest.fixture
async def three(world: World) -> World:
    """Versions 1, 2 and 3 were current one after the other; 4 waits."""

    await world.registered(4)
    for number in (1, 2, 3):
        await world.promote(number)
    return world


async def test_a_rollback_restores_the_version_before_without_new_approval(three: World) -> None:
    done = await three.roll_back(from_version=3, reason="drift")
    assert (done.kind, done.phase, done.version, done.replaces) == (PromotionKind.ROLLBACK, Phase.APPLIED, 2, 3)
    assert (done.is_current, done.reason, done.requested_by) == (True, "drift", "airflow")
    stage = await three.stage()
    assert (stage.version, stage.promotion_id, stage.failed) == (2, done.id, [3])
    assert await three.current() == 2


async def test_it_goes_back_to_the_version_before_whatever_the_clocks_said(world: World) -> None:
    await world.registered(4)
    for version, by in ((1, HOUR), (2, -2 * HOUR), (3, HOUR), (4, -3 * HOUR)):
        await world.promote(version)
        world.clock.advance(by)
    assert [await world.current()] == [4]
    for expected in (3, 2, 1):
        await world.roll_back(from_version=await world.current())
        assert await world.current() == expected


async def test_pressed_twice_it_goes_back_once(three: World) -> None:
    await three.roll_back(from_version=3)
    before = await three.events()
    with pytest.raises(NothingToRollBack) as refused:
        await three.roll_back(from_version=3)
    assert refused.value.details["current"] == 2
    assert await three.current() == 2
    assert await three.events() == before


async def test_concurrent_rollbacks_have_one_winner(three: World) -> None:
    outcomes = await asyncio.gather(*(three.roll_back(from_version=3) for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(Promotion) == 1
    assert all(isinstance(outcome, Promotion | NothingToRollBack) for outcome in outcomes)
    assert await three.current() == 2


async def test_it_is_bound_to_the_promotion_that_it_undoes(three: World) -> None:
    promotion = (await three.stage()).promotion_id
    assert promotion is not None
    done = await three.roll_back(promotion=promotion)
    assert (done.undoes, done.version) == (promotion, 2)
    with pytest.raises(NothingToRollBack):
        await three.roll_back(promotion=promotion)
    with pytest.raises(NothingToRollBack):
        await three.roll_back(promotion=done.id, from_version=3)
    with pytest.raises(InvalidInput):
        await three.roll_back()


async def test_a_rejection_upstream_never_rolls_back_a_healthy_version(three: World) -> None:
    rejected = await three.reject("maria", await three.request(4))
    for bound in ({"promotion": rejected.id}, {"from_version": 4}):
        with pytest.raises(NothingToRollBack):
            await three.roll_back(**bound)
    assert await three.current() == 3


async def test_each_rollback_goes_one_further_and_skips_what_failed(three: World) -> None:
    await three.roll_back(from_version=3)
    await three.roll_back(from_version=2)
    assert await three.current() == 1
    assert (await three.stage()).failed == [2, 3]
    with pytest.raises(NoRollbackTarget):
        await three.roll_back(from_version=1)
    assert await three.current() == 1


async def test_it_skips_revoked_versions(three: World) -> None:
    await three.revoke(2)
    assert (await three.roll_back(from_version=3)).version == 1


async def test_a_hold_of_others_stays_and_does_not_keep_a_rollback_from_going_back(three: World) -> None:
    held = await three.hold(by="ada")
    done = await three.roll_back(from_version=3, hold=RollbackHold(reason="look into it"))
    assert (done.version, (await three.stage()).hold) == (2, held.hold)
    await three.roll_back(from_version=2, hold=RollbackHold(reason="look into it"), by="ada")
    hold = (await three.stage()).hold
    assert hold is not None and hold.reason == "look into it"


async def test_it_does_not_go_back_to_the_same_content(world: World) -> None:
    await world.registered(1)
    for content in (b"the same", b"the same"):
        await world.register(content=content)
    for number in (1, 2, 3):
        await world.promote(number)
    with pytest.raises(NoRollbackTarget, match="same content"):
        await world.roll_back(from_version=3, to="2")
    assert (await world.roll_back(from_version=3)).version == 1


async def test_it_does_not_go_back_to_content_that_was_revoked_under_another_number(world: World) -> None:
    await world.registered(1)
    for content in (b"leaks", b"leaks", b"sound"):
        await world.register(content=content)
    for number in (1, 2, 4):
        await world.promote(number)
    await world.revoke(3)
    assert (await world.roll_back(from_version=4)).version == 1


async def test_a_target_can_be_named_if_it_was_good_here(three: World) -> None:
    await three.revoke(2)
    with pytest.raises(VersionRevoked):
        await three.roll_back(from_version=3, to="2")
    with pytest.raises(NoRollbackTarget):
        await three.roll_back(from_version=3, to="4")
    with pytest.raises(InvalidInput):
        await three.roll_back(from_version=3, to="3")
    assert (await three.roll_back(from_version=3, to="1")).version == 1
    with pytest.raises(NoRollbackTarget):
        await three.roll_back(from_version=1, to="3")


async def test_the_abandoned_version_is_marked_and_enters_no_more(three: World) -> None:
    await three.roll_back(from_version=3)
    again = await three.approved(3)
    assert [reason.code for reason in again.decision.reasons] == ["version_failed_here"]
    assert (await three.promote(3, "staging")).is_current  # it failed here, not there


async def test_a_newer_version_is_promoted_after_a_rollback(three: World) -> None:
    await three.roll_back(from_version=3)
    assert (await three.promote(4)).replaces == 2


async def test_after_a_rollback_an_older_version_may_not_come_by_promotion(three: World) -> None:
    """2 stands again; 1 is older than it."""

    await three.roll_back(from_version=3)
    assert (await three.request(1)).phase is Phase.SUPERSEDED


async def test_a_hold_keeps_the_next_nightly_run_out(three: World) -> None:
    waiting = await three.approved(4)
    await three.roll_back(
        from_version=3, hold=RollbackHold(reason="look first", until=three.clock.now + HOUR), by="carl"
    )
    stage = await three.stage()
    assert stage.hold is not None and (stage.hold.reason, stage.hold.by) == ("look first", "carl")
    with pytest.raises(StageHeld):
        await three.apply(waiting)
    three.clock.advance(HOUR)
    assert (await three.apply(waiting)).is_current


async def test_a_hold_does_not_keep_from_going_back(three: World) -> None:
    await three.hold()
    assert (await three.roll_back(from_version=3)).version == 2


async def test_a_hold_of_a_rollback_is_one_that_could_be_made_alone(three: World) -> None:
    for hold in (RollbackHold(reason=" "), RollbackHold(reason="x", until=three.clock.now)):
        with pytest.raises(InvalidInput):
            await three.roll_back(from_version=3, hold=hold)
    assert await three.current() == 3


async def test_a_run_that_is_deploying_loses_its_lease(three: World) -> None:
    """What it deploys was judged over a version that is gone; its promotion may be deployed again."""

    deploying = await three.lease(await three.approved(4))
    await three.roll_back(from_version=3)
    assert (await three.promotion(deploying)).phase is Phase.APPROVED
    assert (await three.apply(deploying, "run-1")).replaces == 2


async def test_an_open_request_for_what_is_restored_is_fulfilled(three: World) -> None:
    await three.roll_back(from_version=3)
    waiting = await three.request(2)
    assert waiting.phase is Phase.APPLIED  # current already: answered by the rollback
    assert waiting.kind is PromotionKind.ROLLBACK


async def test_what_was_rolled_back_is_never_applied_again(three: World) -> None:
    promotion = (await three.stage()).promotion_id
    assert promotion is not None
    await three.roll_back(from_version=3)
    with pytest.raises(PromotionFinal):
        await three.apply(await three.promotion(promotion))
    assert await three.current() == 2


async def test_the_log_tells_a_rollback_from_a_promotion(three: World) -> None:
    before = len(await three.events())
    done = await three.roll_back(from_version=3)
    told = (await three.events())[before:]
    assert [event.kind for event in told] == [
        "promotion.rolled_back",
        "promotion.approved",
        "promotion.applied",
        "stage.moved",
    ]
    assert told[0].subject == done.id
    assert told[0].data | {"version": 2, "from_version": 3} == told[0].data


async def test_a_policy_leaves_going_back_to_a_few_and_not_far(solo: World) -> None:
    await solo.policy(
        PolicyDocument(name="careful", rules=TEAM.rules, rollback=RollbackRule(role="approver", within=1))
    )
    await solo.registered(3)
    for number in (1, 2, 3):
        await solo.promote(number)
    with pytest.raises(NotPermitted, match="approver"):
        await solo.roll_back(from_version=3)
    narrowed = await solo.actor("ben", token=await solo.token_of("ben", Role.CONTRIBUTOR))
    with pytest.raises(NotPermitted, match="approver"):
        await solo.act(narrowed, roll_back, "fraud", "production", RollBack(from_version=3, reason="narrow"))
    await solo.roll_back(from_version=3, by="ben")
    assert await solo.current() == 2
    with pytest.raises(NoRollbackTarget):
        await solo.roll_back(from_version=2, by="ben")


async def test_it_leads_to_nothing_that_is_deleted_also_where_the_way_back_became_longer(solo: World) -> None:
    await solo.registered(4)
    for number in (1, 2, 3):
        await solo.promote(number)
    short = PolicyDocument(name="short", rules=TEAM.rules, rollback=RollbackRule(within=1))
    await solo.policy(short, attach=False)
    held = await solo.attach("short")
    await solo.act("ada", delete_version, "fraud", "1", DeleteVersion(reason="old"))
    assert held.attachment_id is not None
    await solo.act("ada", detach_policy, held.attachment_id)
    await solo.roll_back(from_version=3)
    with pytest.raises(NoRollbackTarget):
        await solo.roll_back(from_version=2)
    with pytest.raises(VersionDeleted):
        await solo.roll_back(from_version=2, to="1")
    assert await solo.current() == 2


async def test_a_rollback_says_why(three: World) -> None:
    with pytest.raises(InvalidInput):
        await three.roll_back(from_version=3, reason=" ")
    with pytest.raises(NotPermitted):
        await three.roll_back(from_version=3, by="rita")


async def test_once_the_newest_was_abandoned_the_way_is_open_for_older_ones_that_never_were(world: World) -> None:
    await world.registered(3)
    await world.promote(1)
    await world.promote(3)
    assert (await world.request(2)).phase is Phase.SUPERSEDED
    await world.roll_back(from_version=3)
    assert (await world.promote(2)).is_current

from __future__ import annotations

import pytest

from registry_service.domain.entities import PrincipalKind, Verdict
from registry_service.domain.errors import (
    CommentRequired,
    DigestMismatch,
    IllegalMove,
    InvalidPolicy,
    ModelNotFound,
    NotApproved,
    NotPermitted,
    PersonRequired,
    PromotionFinal,
    PromotionNotFound,
    SelfApproval,
)
from registry_service.domain.permissions import Role
from registry_service.domain.policies import PolicyDocument, RequiredCondition, ReviewRule
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import (
    CreateGrant,
    GiveReview,
    UpdatePrincipal,
    WriteGroup,
)
from registry_service.services.principals import create_grant, remove_grant, update_principal, write_group
from registry_service.services.promotions import review_promotion
from tests.services.world import World


async def test_an_approval_lets_the_promotion_go_and_is_logged(world: World) -> None:
    await world.registered(1)
    approved = await world.approve("ben", await world.request(1), "looks right")
    assert approved.phase is Phase.APPROVED
    (review,) = approved.reviews
    assert (review.reviewer, review.verdict, review.digest, review.waived) == (
        "ben",
        Verdict.APPROVE,
        approved.digest,
        False,
    )
    assert await world.kinds("promotion.*", "review.*") == [
        "promotion.requested",
        "review.given",
        "promotion.approved",
    ]


async def test_a_review_is_of_the_digest_that_the_reviewer_saw(world: World) -> None:
    first, second = await world.registered(2)
    promotion = await world.request(1)
    body = GiveReview(verdict=Verdict.APPROVE, digest=second.digest)
    with pytest.raises(DigestMismatch):
        await world.act("ben", review_promotion, promotion.id, body)
    assert (await world.promotion(promotion)).reviews == []
    assert promotion.digest == first.digest


async def test_a_review_carries_over_to_no_other_promotion(world: World) -> None:
    await world.registered(2)
    await world.approve("ben", await world.request(1))
    assert (await world.request(2)).phase is Phase.PENDING
    assert (await world.request(1, "staging")).phase is Phase.PENDING


@pytest.mark.parametrize("by", ["ben", "maria"])
async def test_nobody_approves_what_they_registered_or_requested(world: World, by: str) -> None:
    await world.model()
    await world.register(by=by)
    await world.register(by="airflow")
    for promotion in (await world.request(1, by="airflow"), await world.request(2, "staging", by=by)):
        with pytest.raises(SelfApproval):
            await world.approve(by, promotion)
        assert (await world.promotion(promotion)).phase is Phase.PENDING


async def test_owners_of_the_service_that_did_the_work_do_not_approve_it(world: World) -> None:
    await world.registered(1)
    with pytest.raises(SelfApproval, match="owns 'airflow'"):
        await world.approve("ada", await world.request(1, by="carl"))
    await world.model("churn")
    await world.register("churn", by="carl")
    with pytest.raises(SelfApproval, match="owns 'airflow'"):
        await world.approve("ada", await world.request(1, model="churn", by="airflow"))


async def test_people_whom_the_run_names_do_not_approve_it(world: World) -> None:
    await world.model()
    await world.register(people=["Maria "])
    promotion = await world.request(1, people=["ben"])
    for who in ("ben", "maria"):
        with pytest.raises(SelfApproval, match="taken part"):
            await world.approve(who, promotion)
    assert (await world.reject("maria", promotion)).phase is Phase.REJECTED


async def test_a_claim_never_adds_a_reviewer(world: World) -> None:
    await world.model()
    await world.register(people=["carl"])
    promotion = await world.request(1, people=["carl"])
    with pytest.raises(NotPermitted):
        await world.approve("carl", promotion)


async def test_an_owner_named_later_takes_the_approval_back(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    await world.act("ada", update_principal, "airflow", UpdatePrincipal(owners=["ada", "ben"]))
    assert (await world.promotion(promotion)).phase is Phase.PENDING
    with pytest.raises(NotApproved):
        await world.apply(promotion)


async def test_a_policy_may_waive_own_work_and_the_waiver_is_told(solo: World) -> None:
    await solo.registered(1)
    approved = await solo.approve("ada", await solo.request(1))
    assert approved.phase is Phase.APPROVED
    assert [reason.code for reason in approved.decision.waived] == ["self_approval"]
    assert approved.reviews[0].waived


async def test_a_service_reviews_nothing_whatever_its_role(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1, by="carl")
    await world.grant("airflow", Role.ADMIN)
    for review in (world.approve, world.reject):
        with pytest.raises(PersonRequired):
            await review("airflow", promotion)


@pytest.mark.parametrize("who", ["carl", "rita"])
async def test_who_is_no_approver_reviews_nothing(world: World, who: str) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    for review in (world.approve, world.reject):
        with pytest.raises(NotPermitted):
            await review(who, promotion)


async def test_an_approver_of_other_models_reviews_nothing_here(world: World) -> None:
    await world.person("otto", Role.APPROVER, "churn*")
    await world.registered(1)
    promotion = await world.request(1)
    with pytest.raises((ModelNotFound, PromotionNotFound)):
        await world.approve("otto", promotion)


# ---------------------------------------------------------------------------------------- rejecting, withdrawing


async def test_a_rejection_needs_a_comment_and_closes_for_good(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    with pytest.raises(CommentRequired):
        await world.reject("ben", promotion, " ")
    rejected = await world.reject("ben", promotion, "recall is too low")
    assert rejected.phase is Phase.REJECTED
    assert rejected.closure is not None
    assert "recall is too low" in rejected.closure.reason
    for act in (world.approve("maria", promotion), world.withdraw("ben", promotion), world.apply(promotion)):
        with pytest.raises(PromotionFinal):
            await act


@pytest.mark.parametrize("deploying", [False, True])
async def test_a_rejection_counts_until_the_version_is_applied(world: World, deploying: bool) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    if deploying:
        await world.lease(promotion)
    assert (await world.reject("maria", promotion)).phase is Phase.REJECTED
    with pytest.raises(PromotionFinal):
        await world.apply(promotion, "run-1")
    assert await world.current() is None


async def test_whoever_approved_may_change_their_mind(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    rejected = await world.reject("ben", promotion)
    assert rejected.phase is Phase.REJECTED
    assert [(one.verdict, one.withdrawn_at is None) for one in rejected.reviews] == [
        (Verdict.APPROVE, False),
        (Verdict.REJECT, True),
    ]


async def test_a_withdrawn_approval_leads_back_to_waiting(world: World) -> None:
    await world.registered(1)
    promotion = await world.lease(await world.approved(1))
    waiting = await world.withdraw("ben", promotion)
    assert (waiting.phase, waiting.lease) == (Phase.PENDING, None)
    with pytest.raises(NotApproved):
        await world.apply(promotion, "run-1")
    with pytest.raises(IllegalMove):
        await world.withdraw("ben", promotion)
    assert (await world.approve("maria", promotion)).phase is Phase.APPROVED


async def test_what_was_applied_can_not_be_reviewed_any_more(world: World) -> None:
    await world.registered(1)
    promotion = await world.promote(1)
    for act in (world.reject("maria", promotion), world.withdraw("ben", promotion)):
        with pytest.raises(PromotionFinal):
            await act
    assert await world.current() == 1


# ------------------------------------------------------------------------------------------------- who counts now


async def test_an_approval_counts_as_long_as_its_author_has_the_role(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    await world.act("ada", remove_grant, await world.grant_id("ben"))
    assert (await world.promotion(promotion)).phase is Phase.PENDING
    with pytest.raises(NotApproved, match="no longer"):
        await world.apply(promotion)
    await world.grant("ben", Role.APPROVER)
    assert (await world.promotion(promotion)).phase is Phase.APPROVED
    assert (await world.apply(promotion)).is_current


async def test_an_approval_of_somebody_disabled_counts_no_more(world: World) -> None:
    await world.registered(1)
    promotion = await world.lease(await world.approved(1))
    await world.act("ada", update_principal, "ben", UpdatePrincipal(disabled=True))
    assert (await world.promotion(promotion)).phase is Phase.PENDING
    with pytest.raises(NotApproved, match="disabled"):
        await world.apply(promotion, "run-1")


async def test_a_rule_may_ask_for_a_group(solo: World) -> None:
    await solo.act("ada", write_group, "risk", WriteGroup(members=["ben"]))
    await solo.act("ada", create_grant, CreateGrant(group="risk", role=Role.APPROVER))
    await solo.policy(PolicyDocument(name="by-group", rules=(ReviewRule(name="risk", group="risk"),)))
    await solo.registered(1)
    promotion = await solo.request(1)
    assert (await solo.approve("maria", promotion)).phase is Phase.PENDING
    assert (await solo.approve("ben", promotion)).phase is Phase.APPROVED
    await solo.act("ada", write_group, "risk", WriteGroup(members=["maria"]))
    moved = await solo.promotion(promotion)
    assert moved.phase is Phase.APPROVED
    assert moved.decision.satisfied[0].people == ("maria",)


async def test_reviewers_are_matched_so_that_no_set_of_approvals_is_stuck(solo: World) -> None:
    """An admin is an approver as well: wherever they sit first, both rules are filled."""

    await solo.attach("regulated")
    await solo.person("olga", Role.ADMIN)
    await solo.registered(1)
    await solo.check(1)
    promotion = await solo.request(1)
    assert (await solo.approve("olga", promotion)).phase is Phase.PENDING
    assert (await solo.approve("ben", promotion)).phase is Phase.APPROVED


async def test_several_policies_ask_for_distinct_people_in_all(world: World) -> None:
    """`team` and `regulated` hold together: three people."""

    await world.attach("regulated")
    await world.person("olga", Role.ADMIN)
    await world.registered(1)
    await world.check(1)
    promotion = await world.request(1)
    await world.approve("olga", promotion)
    assert (await world.approve("ben", promotion)).phase is Phase.PENDING
    assert (await world.approve("maria", promotion)).phase is Phase.APPROVED


async def test_one_person_fills_one_place(solo: World) -> None:
    await solo.attach("regulated")
    await solo.person("olga", Role.ADMIN)
    await solo.registered(1)
    await solo.check(1)
    promotion = await solo.request(1)
    for _ in range(3):
        assert (await solo.approve("olga", promotion)).phase is Phase.PENDING
    standing = [review for review in (await solo.promotion(promotion)).reviews if review.withdrawn_at is None]
    assert len(standing) == 1


# ------------------------------------------------------------------------------------ what a review is bound to


CITING = PolicyDocument(
    name="better",
    rules=(ReviewRule(name="approver", role="approver"),),
    conditions=(RequiredCondition(expression="metrics.auc >= current.metrics.auc - 0.01"),),
)


async def test_a_policy_that_cites_the_current_version_binds_reviews_to_it(solo: World) -> None:
    await solo.policy(CITING)
    await solo.model()
    for auc in (0.8, 0.85, 0.9):
        await solo.register(metrics={"auc": auc})
    await solo.promote(1)
    compared = await solo.approved(3)
    await solo.promote(2)
    waiting = await solo.promotion(compared)
    assert waiting.phase is Phase.PENDING
    assert "another version was current" in waiting.decision.reasons[0].message
    assert (await solo.approve("maria", waiting)).phase is Phase.APPROVED


async def test_a_policy_that_does_not_cite_it_lets_the_current_version_move(world: World) -> None:
    await world.registered(3)
    await world.promote(1)
    approved = await world.approved(3)
    await world.promote(2)
    assert (await world.promotion(approved)).phase is Phase.APPROVED
    assert (await world.apply(approved)).replaces == 2


async def test_a_condition_that_does_not_hold_blocks(solo: World) -> None:
    await solo.policy(CITING)
    await solo.model()
    for metrics in ({"auc": 0.9}, {"auc": 0.5}, {"loss": 0.1}):
        await solo.register(metrics=metrics)
    await solo.promote(1)
    for number in (2, 3):
        promotion = await solo.approved(number)
        assert [reason.code for reason in promotion.decision.reasons] == ["condition_not_met"]
        with pytest.raises(NotApproved):
            await solo.apply(promotion)


async def test_no_policy_speaks_of_what_may_change_after_a_review(solo: World) -> None:
    rules = (
        ReviewRule(name="approver", role="approver"),
        ReviewRule(name="risk", people=("maria",), when="tags.risk != 'low'"),
    )
    with pytest.raises(InvalidPolicy, match=r"'tags\.risk' is unknown here"):
        await solo.policy(PolicyDocument(name="by-tag", rules=rules))


async def test_a_second_service_is_owned_by_its_own_people(world: World) -> None:
    await world.principal("jenkins", PrincipalKind.SERVICE, owners=["maria"])
    await world.grant("jenkins", Role.CONTRIBUTOR)
    await world.token_of("jenkins")
    await world.registered(1)
    promotion = await world.request(1, by="jenkins")
    with pytest.raises(SelfApproval, match="jenkins"):
        await world.approve("maria", promotion)
    assert (await world.approve("ben", promotion)).phase is Phase.APPROVED

from __future__ import annotations

from datetime import timedelta

from registry_service.domain.approvals import decide, demands_are_met, next_move
from registry_service.domain.decisions import Outcome
from registry_service.domain.entities import CheckStatus, Hold
from registry_service.domain.facts import StageFacts, StageLease
from registry_service.domain.policies import OPEN, TEAM
from registry_service.domain.promotions import OPEN_PHASES, Move, Phase, PromotionKind
from tests.domain.approvals.judged import APPROVED, EVALUATED, moved
from tests.domain.facts import DAY, DIGEST, HOUR, NOW, changed, check, facts, lease, rejection, review, version


def test_met_demands_approve() -> None:
    assert moved(facts()) is None
    demanded = next_move(facts(reviews=[review("bob")]), NOW)
    assert demanded == (Move.APPROVE, "Approved by bob.")


def test_what_is_in_the_way_for_the_moment_does_not_keep_from_approving() -> None:
    held = StageFacts(hold=Hold(reason="freeze", by="sam", at=NOW, until=None), failed=True)
    assert moved(facts(reviews=[review("bob")], stage=held)) is Move.APPROVE
    assert moved(facts(reviews=[review("bob")], stage=held, **APPROVED)) is None
    assert not demands_are_met(decide(facts(stage=held), NOW))


def test_a_lost_approval_leads_back() -> None:
    for phase in (Phase.APPROVED, Phase.APPLYING):
        judged = facts(reviews=[review("bob", withdrawn=True)], phase=phase, approved_at=NOW - HOUR, lease=lease())
        demanded = next_move(judged, NOW)
        assert demanded is not None and demanded.move is Move.UNAPPROVE
        assert "1 more approval" in demanded.reason


def test_a_check_that_fails_blocks_and_takes_no_approval_back() -> None:
    failed = [check(status=CheckStatus.FAILED)]
    approved = facts(EVALUATED, checks=failed, **APPROVED)
    assert decide(approved, NOW).outcome is Outcome.BLOCKED
    assert moved(approved) is None
    assert moved(facts(EVALUATED, checks=failed)) is None
    assert moved(facts(EVALUATED, TEAM, checks=failed, **APPROVED)) is Move.UNAPPROVE


def test_a_lease_that_ran_out_is_released_and_the_old_approval_then_expires() -> None:
    for ran_out in (lease(left=timedelta(0)), None):
        judged = facts(OPEN, phase=Phase.APPLYING, approved_at=NOW - 9 * DAY, lease=ran_out)
        assert moved(judged) is Move.RELEASE
    released = facts(OPEN, phase=Phase.APPROVED, approved_at=NOW - 9 * DAY)
    assert moved(released) is Move.EXPIRE


def test_once_a_newer_version_was_applied_older_requests_are_superseded() -> None:
    newer = StageFacts(newer_standing=4)
    assert moved(facts(stage=newer)) is Move.SUPERSEDE
    assert moved(facts(reviews=[review("bob")], stage=newer, **APPROVED)) is Move.SUPERSEDE
    assert moved(facts(OPEN, stage=newer, phase=Phase.APPLYING, lease=lease())) is None


def test_every_demanded_move_is_one_that_the_phase_knows() -> None:
    from registry_service.domain.promotions import move

    for phase in OPEN_PHASES:
        for judged in (
            facts(phase=phase, lease=lease()),
            facts(OPEN, phase=phase, lease=lease(left=-HOUR), expires_at=NOW - DAY, approved_at=NOW - 30 * DAY),
            facts(OPEN, phase=phase, lease=lease(), of=version(revoked=True)),
            facts(phase=phase, lease=lease(), reviews=[rejection("ann")]),
            facts(OPEN, phase=phase, lease=lease(), stage=StageFacts(newer_standing=9)),
        ):
            demanded = next_move(judged, NOW)
            assert demanded is None or move(phase, demanded.move)


def test_a_rollback_needs_no_approval_and_no_open_way() -> None:
    held = StageFacts(
        hold=Hold(reason="incident", by="sam", at=NOW, until=None),
        newer_standing=9,
        failed=True,
        lease=StageLease(promotion_id="p9", lease=lease()),
    )
    judged = facts(TEAM, stage=held, kind=PromotionKind.ROLLBACK)
    assert decide(judged, NOW).outcome is Outcome.APPLICABLE
    assert moved(judged) is Move.APPROVE
    assert moved(changed(judged, version=version(revoked=True))) is Move.STALE


def test_digest_and_version_of_the_tests_belong_together() -> None:
    assert version().digest == DIGEST

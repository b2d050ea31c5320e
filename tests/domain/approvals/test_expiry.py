from __future__ import annotations

from datetime import timedelta

from registry_service.domain.approvals import deadline, decide, next_move
from registry_service.domain.decisions import Outcome
from registry_service.domain.policies import OPEN
from registry_service.domain.promotions import Move, Phase
from tests.domain.approvals.judged import codes
from tests.domain.facts import DAY, HOUR, NOW, changed, facts, lease


def test_a_request_expires_and_is_not_approved_by_that() -> None:
    judged = facts(OPEN, expires_at=NOW)
    assert decide(judged, NOW - HOUR).outcome is Outcome.APPLICABLE
    assert codes(decide(judged, NOW)) == ["expired"]
    move = next_move(judged, NOW)
    assert move is not None and move.move is Move.EXPIRE and "request expired" in move.reason


def test_an_approval_has_a_time_of_its_own() -> None:
    brief = changed(OPEN, approval_expires_after=3600)
    judged = facts(OPEN, brief, phase=Phase.APPROVED, approved_at=NOW, expires_at=NOW - DAY)
    assert deadline(judged) == NOW + HOUR
    assert decide(judged, NOW + HOUR - timedelta(seconds=1)).outcome is Outcome.APPLICABLE
    assert codes(decide(judged, NOW + HOUR)) == ["expired"]
    move = next_move(judged, NOW + HOUR)
    assert move is not None and move.move is Move.EXPIRE and "approval expired" in move.reason


def test_an_approval_without_a_time_counts_from_the_request() -> None:
    judged = facts(OPEN, phase=Phase.APPROVED, approved_at=None)
    assert deadline(judged) == judged.promotion.requested_at + 7 * DAY


def test_time_stands_still_while_a_run_deploys() -> None:
    judged = facts(OPEN, phase=Phase.APPLYING, approved_at=NOW - 99 * DAY, expires_at=NOW - DAY, lease=lease())
    assert deadline(judged) is None
    assert decide(judged, NOW, holder="run-1").outcome is Outcome.APPLICABLE
    assert next_move(judged, NOW) is None

from __future__ import annotations

import pytest

from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Outcome
from registry_service.domain.entities import Hold
from registry_service.domain.facts import StageFacts, StageLease
from registry_service.domain.policies import OPEN, OnNewer
from registry_service.domain.promotions import Phase
from tests.domain.approvals.judged import codes, message
from tests.domain.facts import DAY, HOUR, NOW, changed, facts, lease, open_request


def test_a_hold_blocks_until_it_ends_and_says_whose_it_is() -> None:
    timed = Hold(reason="incident 7", by="sam", at=NOW - DAY, until=NOW + HOUR)
    judged = facts(OPEN, stage=StageFacts(hold=timed))
    decision = decide(judged, NOW)
    assert (decision.outcome, codes(decision)) == (Outcome.BLOCKED, ["stage_held"])
    assert decision.reasons[0].message == (
        "sam holds 'production' until 2026-03-03 13:00 UTC: incident 7. Ask for its release."
    )
    assert decide(judged, NOW + HOUR).outcome is Outcome.APPLICABLE
    endless = facts(OPEN, stage=StageFacts(hold=changed(timed, until=None)))
    assert "holds 'production': incident 7" in message(endless, "stage_held")


def test_a_version_that_failed_here_stays_out() -> None:
    assert codes(decide(facts(OPEN, stage=StageFacts(failed=True)), NOW)) == ["version_failed_here"]
    assert decide(facts(OPEN), NOW).outcome is Outcome.APPLICABLE


@pytest.mark.parametrize(("newer", "blocked"), [(None, False), (4, True)])
def test_an_older_version_does_not_come_after_a_newer_one(newer: int | None, blocked: bool) -> None:
    decision = decide(facts(OPEN, stage=StageFacts(newer_standing=newer)), NOW)
    assert (codes(decision) == ["older_than_current"]) is blocked


def test_a_lease_of_another_run_blocks_and_ones_own_does_not() -> None:
    judged = facts(OPEN, phase=Phase.APPLYING, approved_at=NOW - HOUR, lease=lease("run-1"))
    assert decide(judged, NOW, holder="run-1").outcome is Outcome.APPLICABLE
    for holder in ("run-2", None):
        decision = decide(judged, NOW, holder=holder)
        assert (decision.outcome, codes(decision)) == (Outcome.BLOCKED, ["lease_held"])
        assert "run-1 is deploying it, until 2026-03-03 13:00 UTC at most" in decision.reasons[0].message
    assert decide(judged, NOW + HOUR, holder="run-2").outcome is Outcome.APPLICABLE


def test_another_promotion_under_way_blocks_its_own_run_as_well() -> None:
    other = StageLease(promotion_id="p9", lease=lease("run-1"))
    judged = facts(OPEN, stage=StageFacts(lease=other))
    for holder in ("run-1", "run-2", None):
        assert codes(decide(judged, NOW, holder=holder)) == ["lease_held"]
    assert "promotion p9" in message(judged, "lease_held")
    assert decide(judged, NOW + HOUR).outcome is Outcome.APPLICABLE


def test_a_queue_lets_the_older_request_go_first() -> None:
    queue = changed(OPEN, on_newer=OnNewer.QUEUE)
    judged = facts(queue, stage=StageFacts(others=(open_request(2, id="p0"),)))
    assert codes(decide(judged, NOW)) == ["queued_behind"]
    assert "promotion p0" in message(judged, "queued_behind")
    assert decide(facts(OPEN, stage=judged.stage), NOW).outcome is Outcome.APPLICABLE

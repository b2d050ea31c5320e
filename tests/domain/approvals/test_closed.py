from __future__ import annotations

import pytest

from registry_service.domain.approvals import deadline, decide, next_move
from registry_service.domain.decisions import Outcome
from registry_service.domain.policies import OPEN
from registry_service.domain.promotions import OPEN_PHASES, Move, Phase
from tests.domain.approvals.judged import codes
from tests.domain.facts import HOUR, NOW, OTHER_DIGEST, facts, lease, rejection, version


def test_a_revoked_version_is_closed_and_stale_in_every_open_phase() -> None:
    for phase in OPEN_PHASES:
        judged = facts(OPEN, of=version(revoked=True), phase=phase, lease=lease(), approved_at=NOW - HOUR)
        assert decide(judged, NOW, holder="run-1").outcome is Outcome.CLOSED
        move = next_move(judged, NOW)
        assert move is not None and move.move is Move.STALE and "revoked" in move.reason


def test_another_content_than_was_asked_for_is_stale() -> None:
    judged = facts(OPEN, digest=OTHER_DIGEST)
    assert codes(decide(judged, NOW)) == ["digest_changed"]
    move = next_move(judged, NOW)
    assert move is not None and move.move is Move.STALE


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase.is_final])
def test_a_final_phase_is_closed_and_never_moves(phase: Phase) -> None:
    judged = facts(OPEN, phase=phase, reviews=[rejection("ann")])
    decision = decide(judged, NOW)
    assert decision.outcome is Outcome.CLOSED
    assert codes(decision) == ["phase_final", *(["review_rejected"] if phase is Phase.REJECTED else [])]
    assert next_move(judged, NOW) is None
    assert deadline(judged) is None

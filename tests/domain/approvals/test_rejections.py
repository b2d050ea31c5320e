from __future__ import annotations

import pytest

from registry_service.domain.approvals import decide, next_move
from registry_service.domain.decisions import Outcome
from registry_service.domain.facts import ReviewFacts
from registry_service.domain.permissions import Role
from registry_service.domain.policies import OPEN, PolicyDocument, ReviewRule
from registry_service.domain.promotions import Move
from tests.domain.approvals.judged import APPROVED, codes, message
from tests.domain.facts import NOW, OTHER_DIGEST, facts, person, rejection, review, service


def test_a_rejection_closes_whatever_was_approved() -> None:
    judged = facts(reviews=[review("bob"), rejection("ann", comment="drifts on weekends")], **APPROVED)
    decision = decide(judged, NOW)
    assert decision.outcome is Outcome.CLOSED
    (reason,) = decision.reasons
    assert reason.people == ("ann",)
    assert reason.message == "ann rejected it on 2026-03-03 11:00 UTC: drifts on weekends"
    move = next_move(judged, NOW)
    assert move is not None and move.move is Move.REJECT and "drifts" in move.reason


def test_a_rejection_needs_no_comment_to_be_told() -> None:
    assert message(facts(reviews=[rejection("ann")]), "review_rejected").endswith("UTC.")


@pytest.mark.parametrize(
    "void",
    [
        rejection("ann", withdrawn=True),
        rejection("ann", digest=OTHER_DIGEST),
        rejection(person("ann", Role.READER)),
        rejection(person("ann", disabled=True)),
        rejection(service("bot")),
    ],
)
def test_a_rejection_counts_only_from_somebody_who_could_approve(void: ReviewFacts) -> None:
    assert decide(facts(OPEN, reviews=[void]), NOW).outcome is Outcome.APPLICABLE


def test_a_rejection_of_own_work_counts() -> None:
    """Else a requester could name a reviewer as having taken part, and so keep them from saying no."""

    assert codes(decide(facts(OPEN, reviews=[rejection("ann")], asserted_people=("ann",)), NOW)) == ["review_rejected"]
    assert codes(decide(facts(OPEN, reviews=[rejection("olga")]), NOW)) == ["review_rejected"]


def test_whom_a_rule_means_may_reject_without_being_an_approver() -> None:
    risk = PolicyDocument(name="risk", rules=(ReviewRule(name="risk", group="risk", when="metrics.auc < 0.1"),))
    no = rejection(person("ann", Role.READER, groups=("risk",)))
    assert codes(decide(facts(risk, reviews=[no]), NOW)) == ["review_rejected"]

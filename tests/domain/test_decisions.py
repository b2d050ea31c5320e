"""What a decision says that people are waited for."""

from __future__ import annotations

from registry_service.domain.decisions import Decision, Outcome, Reason, ReasonCode, missing_reviews

REVIEW = Reason(code=ReasonCode.REVIEW_MISSING, message="one approver is missing")
CHECK = Reason(code=ReasonCode.CHECK_MISSING, message="evaluation is missing")


def test_reviews_are_missing_beside_whatever_else_is() -> None:
    assert missing_reviews(Decision(outcome=Outcome.WAITING, reasons=(CHECK, REVIEW))) == [REVIEW]
    assert missing_reviews(Decision(outcome=Outcome.WAITING, reasons=(CHECK,))) == []


def test_where_no_review_can_help_none_is_missing() -> None:
    assert missing_reviews(Decision(outcome=Outcome.CLOSED, reasons=(REVIEW,))) == []

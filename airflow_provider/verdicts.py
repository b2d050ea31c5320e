"""What a waiting task makes of a promotion. Pure: facts in, verdict out; sensor and trigger judge alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry_service.client import Outcome, Phase, Promotion, ReasonCode
from registry_service.client import Verdict as ReviewVerdict


class Verdict(StrEnum):
    """WAIT: people, machines or time have yet to speak. OPEN: apply may be called now. All others end the wait."""

    WAIT = "wait"
    OPEN = "open"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    CLOSED = "closed"


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def words(self) -> str:
        return "; ".join(self.reasons) or "no reason was given"


_OF_PHASE: Final = {
    Phase.APPLIED: Verdict.SUPERSEDED,
    Phase.REJECTED: Verdict.REJECTED,
    Phase.EXPIRED: Verdict.EXPIRED,
    Phase.SUPERSEDED: Verdict.SUPERSEDED,
}
# The first that is found says how the wait ends. A failed check may pass later, and nobody may wait for that: the
# task fails with the reasons, and a cleared task asks again.
_OF_REASON: Final = (
    (ReasonCode.REVIEW_REJECTED, Verdict.REJECTED),
    (ReasonCode.EXPIRED, Verdict.EXPIRED),
    (ReasonCode.OLDER_THAN_CURRENT, Verdict.SUPERSEDED),
    (ReasonCode.CHECK_FAILED, Verdict.CLOSED),
)
_OF_OUTCOME: Final = {
    Outcome.APPLICABLE: Verdict.OPEN,
    Outcome.WAITING: Verdict.WAIT,
    Outcome.BLOCKED: Verdict.WAIT,
    Outcome.CLOSED: Verdict.CLOSED,
}


def judge(promotion: Promotion) -> Judgement:
    """Whether this promotion may be applied now, may still come to that, or is over.

    An applied promotion is a success while it is current: whoever waits again after the deployment goes on. Once
    something else is current it is superseded, or was rolled back, and nothing downstream may deploy it again.
    """
    if promotion.phase is Phase.APPLIED and promotion.is_current:
        return Judgement(Verdict.OPEN, ())
    if promotion.phase.is_final:
        return Judgement(_OF_PHASE.get(promotion.phase, Verdict.CLOSED), _closing_words(promotion))
    decision = promotion.decision
    reasons = tuple(reason.message for reason in decision.reasons)
    codes = {reason.code for reason in decision.reasons}
    for code, verdict in _OF_REASON:
        if code in codes:
            return Judgement(verdict, reasons)
    return Judgement(_OF_OUTCOME[decision.outcome], reasons)


def _closing_words(promotion: Promotion) -> tuple[str, ...]:
    if promotion.phase is Phase.APPLIED:
        return (f"it was applied, and {promotion.stage} has moved on since.",)
    rejections = tuple(
        f"{review.reviewer}: {review.comment}"
        for review in promotion.reviews
        if review.verdict is ReviewVerdict.REJECT and review.withdrawn_at is None
    )
    if promotion.phase is Phase.REJECTED and rejections:
        return rejections
    closure = promotion.closure
    if closure is None:
        return tuple(reason.message for reason in promotion.decision.reasons)
    return (f"{closure.by}: {closure.reason}" if closure.reason else f"closed by {closure.by}",)

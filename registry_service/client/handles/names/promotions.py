"""What one can ask for of a promotion by its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from registry_service.client import calls
from registry_service.client.calls import Call, Paging
from registry_service.domain.entities import (
    Comment,
    Page,
    PossibleReviewers,
    Promotion,
    Verdict,
)
from registry_service.domain.requests import (
    ApplyPromotion,
    CancelPromotion,
    GiveReview,
    WriteComment,
)


@dataclass(frozen=True, slots=True)
class PromotionName:
    promotion: str

    def __str__(self) -> str:
        return repr(self.promotion)

    def get(self, *, holder: str | None = None) -> Call[Promotion]:
        """The promotion with its decision judged now; for `holder`, its own lease doesn't stand in the way."""
        return calls.get_promotion(self.promotion, holder=holder)

    def approve(self, digest: str, *, comment: str = "", idempotency_key: str | None = None) -> Call[Promotion]:
        """Approve the content of this digest, which is what the reviewer looked at."""
        body = GiveReview(verdict=Verdict.APPROVE, digest=digest, comment=comment)
        return calls.review_promotion(self.promotion, body, idempotency_key=idempotency_key)

    def reject(self, digest: str, *, comment: str = "", idempotency_key: str | None = None) -> Call[Promotion]:
        """Reject it."""
        body = GiveReview(verdict=Verdict.REJECT, digest=digest, comment=comment)
        return calls.review_promotion(self.promotion, body, idempotency_key=idempotency_key)

    def possible_reviewers(self) -> Call[PossibleReviewers]:
        """Whom to ask: the people whose approval would fill a place that is still missing."""
        return calls.list_possible_reviewers(self.promotion)

    def withdraw_review(self, *, idempotency_key: str | None = None) -> Call[Promotion]:
        """Take the caller's own review back."""
        return calls.withdraw_review(self.promotion, idempotency_key=idempotency_key)

    def apply(self, *, holder: str | None = None, idempotency_key: str | None = None) -> Call[Promotion]:
        """Make the version current. Judged again at this moment."""
        return calls.apply_promotion(self.promotion, ApplyPromotion(holder=holder), idempotency_key=idempotency_key)

    def cancel(self, reason: str = "", *, idempotency_key: str | None = None) -> Call[Promotion]:
        """Take the request back."""
        return calls.cancel_promotion(self.promotion, CancelPromotion(reason=reason), idempotency_key=idempotency_key)

    def comments(self, **paging: Unpack[Paging]) -> Call[Page[Comment]]:
        """Those on the promotion, the oldest first."""
        return calls.list_promotion_comments(self.promotion, **paging)

    def comment(self, text: str, *, idempotency_key: str | None = None) -> Call[Comment]:
        """Write one, in Markdown; `@name` mentions a person or group."""
        body = WriteComment(text=text)
        return calls.comment_on_promotion(self.promotion, body, idempotency_key=idempotency_key)

from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Page, PossibleReviewers, Promotion, ReviewOutcomes
from registry_service.domain.requests import (
    ApplyPromotion,
    CancelPromotion,
    FailPromotion,
    GiveReview,
    ReleaseLease,
    RequestPromotion,
    ReviewPromotions,
    TakeLease,
)


def list_promotions(**paging: Unpack[Paging]) -> Call[Page[Promotion]]:
    """Promotions in sight, filtered by model, stage, phase, version, digest, kind, requested_by and requested_at."""
    return read(Page[Promotion], "promotions", **paging)


def request_promotion(body: RequestPromotion, *, idempotency_key: str | None = None) -> Call[Promotion]:
    """Ask for a version to become current in a stage; an open request of the same digest is answered again."""
    return write("POST", Promotion, "promotions", body=body, key=idempotency_key)


def get_promotion(promotion: str, *, holder: str | None = None) -> Call[Promotion]:
    """The promotion with its decision judged now; for `holder`, its own lease doesn't stand in the way."""
    return read(Promotion, "promotions", promotion, holder=holder)


def list_possible_reviewers(promotion: str) -> Call[PossibleReviewers]:
    """Whom to ask: the people whose approval would fill a place that is still missing."""
    return read(PossibleReviewers, "promotions", promotion, "reviewers")


def review_promotion(promotion: str, body: GiveReview, *, idempotency_key: str | None = None) -> Call[Promotion]:
    return write("POST", Promotion, "promotions", promotion, "reviews", body=body, key=idempotency_key)


def review_promotions(body: ReviewPromotions, *, idempotency_key: str | None = None) -> Call[ReviewOutcomes]:
    """Review up to 100 promotions; each review is given or refused by itself, and the answer says which."""
    return write("POST", ReviewOutcomes, "reviews", body=body, key=idempotency_key)


def withdraw_review(promotion: str, *, idempotency_key: str | None = None) -> Call[Promotion]:
    """Take the caller's own review back."""
    return write("POST", Promotion, "promotions", promotion, "reviews", "withdraw", key=idempotency_key)


def take_lease(promotion: str, body: TakeLease, *, idempotency_key: str | None = None) -> Call[Promotion]:
    """Begin to deploy: nobody else moves the stage meanwhile. The same holder renews."""
    return write("POST", Promotion, "promotions", promotion, "lease", body=body, key=idempotency_key)


def release_lease(promotion: str, body: ReleaseLease, *, idempotency_key: str | None = None) -> Call[Promotion]:
    return write("POST", Promotion, "promotions", promotion, "release", body=body, key=idempotency_key)


def apply_promotion(promotion: str, body: ApplyPromotion, *, idempotency_key: str | None = None) -> Call[Promotion]:
    """Make the version current. Judged again at this moment."""
    return write("POST", Promotion, "promotions", promotion, "apply", body=body, key=idempotency_key)


def fail_promotion(promotion: str, body: FailPromotion, *, idempotency_key: str | None = None) -> Call[Promotion]:
    """End the promotion, because deploying failed."""
    return write("POST", Promotion, "promotions", promotion, "fail", body=body, key=idempotency_key)


def cancel_promotion(promotion: str, body: CancelPromotion, *, idempotency_key: str | None = None) -> Call[Promotion]:
    return write("POST", Promotion, "promotions", promotion, "cancel", body=body, key=idempotency_key)

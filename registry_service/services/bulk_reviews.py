"""Many reviews in one act, each bound to the digest that its reviewer looked at, and with an outcome of its own."""

from __future__ import annotations

from collections import Counter
from typing import Final

from registry_service.db.queries.promotions import find_promotion
from registry_service.domain.entities import ReviewOutcome, ReviewOutcomes
from registry_service.domain.errors import InvalidInput, PromotionNotFound, RegistryError, TooLarge, Unavailable
from registry_service.domain.requests import GiveReview, PromotionReview, ReviewPromotions
from registry_service.services.promotions import review_promotion
from registry_service.services.work import Work

MAX_REVIEWS: Final = 100


def review_promotions(work: Work, body: ReviewPromotions) -> ReviewOutcomes:
    """Each review as if it had been sent alone: what is wrong with one keeps none of the others from being given, and
    a refused one changes nothing. Outcomes come in the order of the reviews.

    :raises TooLarge: more than 100.
    :raises InvalidInput: none, or two of one promotion, of which the second would take the place of the first.
    """

    _check(body)
    outcomes: dict[str, ReviewOutcome] = {}
    # Models are locked in the order of their names, so that two who review the same ones don't wait for each other.
    for review in sorted(body.reviews, key=lambda review: _model_name(work, review)):
        outcomes[review.promotion] = _outcome(work, review)
    return ReviewOutcomes(outcomes=[outcomes[review.promotion] for review in body.reviews])


def _check(body: ReviewPromotions) -> None:
    if not body.reviews:
        raise InvalidInput("There is no review in the list. Give one at least.", field="reviews")
    if len(body.reviews) > MAX_REVIEWS:
        raise TooLarge(
            f"{len(body.reviews)} reviews are too many for one request; {MAX_REVIEWS} are the limit. Send the rest in"
            " another.",
            reviews=len(body.reviews),
        )
    promotion, count = Counter(review.promotion for review in body.reviews).most_common(1)[0]
    if count > 1:
        raise InvalidInput(
            f"Promotion '{promotion[:80]}' stands in the list more than once. Decide for one review.", field="reviews"
        )


def _model_name(work: Work, review: PromotionReview) -> str:
    try:
        name: str = find_promotion(work, review.promotion).model_name
    except PromotionNotFound:
        return ""
    return name


def _outcome(work: Work, review: PromotionReview) -> ReviewOutcome:
    told = len(work.events)
    given = GiveReview(verdict=review.verdict, digest=review.digest, comment=review.comment)
    try:
        with work.connection.begin_nested():
            promotion = review_promotion(work, review.promotion, given)
    except Unavailable:
        raise
    except RegistryError as refusal:
        # With its changes go its events; what was authorised for it stays, because the answer speaks of it.
        del work.events[told:]
        return ReviewOutcome(
            promotion_id=review.promotion,
            reviewed=False,
            phase=None,
            decision=None,
            code=refusal.code,
            message=refusal.message,
        )
    return ReviewOutcome(
        promotion_id=promotion.id,
        reviewed=True,
        phase=promotion.phase,
        decision=promotion.decision,
        code=None,
        message=None,
    )

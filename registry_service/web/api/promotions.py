"""Promotions: requests to make a version current in a stage."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import possible_reviewers
from registry_service.db.queries import promotions as queries
from registry_service.domain.entities import Page, PossibleReviewers, Promotion, ReviewOutcomes
from registry_service.domain.permissions import Action
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
from registry_service.services import promotions as use_cases
from registry_service.services.bulk_reviews import review_promotions
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller

Holder = Annotated[str | None, QueryParameter(description="Judge for this holder: their own lease isn't in the way.")]


class Promotions(Controller):
    path = "/promotions"
    tags = ("promotions",)

    @get(action=Action.PROMOTION_READ)
    async def list_promotions(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Promotion]]:
        """Promotions that the caller may read, the newest first."""
        return await caller.list(queries.list_promotions, page)

    @post(action=Action.PROMOTION_REQUEST)
    async def request_promotion(
        self, caller: NamedDependency[Caller], data: JSONBody[RequestPromotion]
    ) -> Encoded[Promotion]:
        """Ask that a version become current in a stage. 200 with the open, or applied and still current, promotion of
        the same digest where there is one."""
        return await caller.make(use_cases.request_promotion, data)

    @get("/{promotion:str}", action=Action.PROMOTION_READ)
    async def get_promotion(
        self, caller: NamedDependency[Caller], promotion: FromPath[str], holder: FromQuery[Holder] = None
    ) -> Encoded[Promotion]:
        """A promotion, with the decision of this moment."""
        return await caller.look(queries.get_promotion, promotion, holder=holder)

    @get("/{promotion:str}/reviewers", action=Action.PROMOTION_READ)
    async def list_possible_reviewers(
        self, caller: NamedDependency[Caller], promotion: FromPath[str]
    ) -> Encoded[PossibleReviewers]:
        """Whom to ask: the people whose approval would fill a place that is still missing."""
        return await caller.look(possible_reviewers.list_possible_reviewers, promotion)

    @post("/{promotion:str}/reviews", action=Action.PROMOTION_REVIEW, status_code=200)
    async def review_promotion(
        self,
        caller: NamedDependency[Caller],
        promotion: FromPath[str],
        data: JSONBody[GiveReview],
    ) -> Encoded[Promotion]:
        """Approve or reject the digest that one looked at; for people."""
        return await caller.change(use_cases.review_promotion, promotion, data)

    @post("/{promotion:str}/reviews/withdraw", action=Action.PROMOTION_REVIEW, status_code=200)
    async def withdraw_review(
        self,
        caller: NamedDependency[Caller],
        promotion: FromPath[str],
    ) -> Encoded[Promotion]:
        """Take back the caller's own review."""
        return await caller.change(use_cases.withdraw_review, promotion)

    @post("/{promotion:str}/lease", action=Action.PROMOTION_APPLY, status_code=200)
    async def take_lease(
        self,
        caller: NamedDependency[Caller],
        promotion: FromPath[str],
        data: JSONBody[TakeLease],
    ) -> Encoded[Promotion]:
        """Begin to deploy: nobody else deploys to the stage meanwhile. The same holder renews."""
        return await caller.change(use_cases.take_lease, promotion, data)

    @post("/{promotion:str}/release", action=Action.PROMOTION_APPLY, status_code=200)
    async def release_lease(
        self,
        caller: NamedDependency[Caller],
        promotion: FromPath[str],
        data: JSONBody[ReleaseLease],
    ) -> Encoded[Promotion]:
        """End a lease without a verdict."""
        return await caller.change(use_cases.release_lease, promotion, data)

    @post("/{promotion:str}/apply", action=Action.PROMOTION_APPLY, status_code=200)
    async def apply_promotion(
        self,
        caller: NamedDependency[Caller],
        promotion: FromPath[str],
        data: JSONBody[ApplyPromotion],
    ) -> Encoded[Promotion]:
        """Judge again and make the version current."""
        return await caller.change(use_cases.apply_promotion, promotion, data)

    @post("/{promotion:str}/fail", action=Action.PROMOTION_APPLY, status_code=200)
    async def fail_promotion(
        self,
        caller: NamedDependency[Caller],
        promotion: FromPath[str],
        data: JSONBody[FailPromotion],
    ) -> Encoded[Promotion]:
        """The holder says that the deployment failed."""
        return await caller.change(use_cases.fail_promotion, promotion, data)

    @post("/{promotion:str}/cancel", action=Action.PROMOTION_CANCEL, status_code=200)
    async def cancel_promotion(
        self,
        caller: NamedDependency[Caller],
        promotion: FromPath[str],
        data: JSONBody[CancelPromotion],
    ) -> Encoded[Promotion]:
        """End a promotion that isn't wanted any more."""
        return await caller.change(use_cases.cancel_promotion, promotion, data)


class Reviews(Controller):
    path = "/reviews"
    tags = ("promotions",)

    @post(action=Action.PROMOTION_REVIEW, status_code=200)
    async def review_promotions(
        self, caller: NamedDependency[Caller], data: JSONBody[ReviewPromotions]
    ) -> Encoded[ReviewOutcomes]:
        """Review many promotions, each by the digest that one looked at and each with its own outcome; for people."""
        return await caller.change(review_promotions, data)

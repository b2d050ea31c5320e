"""Requests to make a version current in a stage."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.decisions import Decision, Reason, missing_reviews
from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.review import Review
from registry_service.domain.notebook import html_facts, html_rows
from registry_service.domain.policies import PolicyPin
from registry_service.domain.promotions import Phase, PromotionKind


class Lease(Answer, frozen=True, kw_only=True):
    holder: str
    acquired_at: datetime
    expires_at: datetime


class Closure(Answer, frozen=True, kw_only=True):
    """Why and by whom a promotion reached its final phase."""

    reason: str
    by: str
    at: datetime


class Promotion(Answer, frozen=True, kw_only=True):
    """The request to make `version` (with exactly `digest`) current in `stage`. `replaces` was current when it was
    requested; after `apply`, what it replaced. `people` are those who took part as its requester and the registrants of
    this content say, beside themselves: none of them reviews it where a policy wants others. `decision` is judged at
    the moment of the answer. `is_current` says that the stage points to this promotion now."""

    id: str
    kind: PromotionKind
    model_name: str
    version: int
    digest: str
    stage: str
    phase: Phase
    policies: list[PolicyPin]
    reason: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    replaces: int | None
    undoes: str | None
    lease: Lease | None
    reviews: list[Review]
    decision: Decision
    closure: Closure | None
    applied_at: datetime | None
    applied_by: str | None
    is_current: bool
    revision: int
    url: str
    people: list[str] = []

    def row(self) -> dict[str, object]:
        return {
            "promotion": self.id,
            "kind": self.kind,
            "model": self.model_name,
            "version": self.version,
            "stage": self.stage,
            "phase": self.phase,
            "outcome": self.decision.outcome,
            "missing": [reason.message for reason in missing_reviews(self.decision)],
            "requested": self.requested_at,
            "by": self.requested_by,
        }

    def _repr_html_(self) -> str:
        """What a notebook shows: with all that stands in the way, and who could help."""
        facts = {
            "digest": self.digest,
            "replaces": self.replaces,
            "reason": self.reason,
            "reviews": [f"{one.verdict} by {one.reviewer}" for one in self.reviews if one.withdrawn_at is None],
            "policies": [f"{pin.name} v{pin.version}" for pin in self.policies],
            "applied": self.applied_at,
            "closed": self.closure and f"{self.closure.reason} ({self.closure.by})",
        }
        shown = html_facts(f"promotion {self.id}", {**self.row(), "missing": None} | facts)
        judged = [*(("in the way", one) for one in self.decision.reasons), *_granted(self.decision)]
        rows = [
            {"": what, "code": one.code, "why": one.message, "policy": one.policy, "people": one.people}
            for what, one in judged
        ]
        return shown + (html_rows(rows) if rows else "")


def _granted(decision: Decision) -> list[tuple[str, Reason]]:
    return [*(("satisfied", one) for one in decision.satisfied), *(("waived", one) for one in decision.waived)]


class PossibleReviewer(Answer, frozen=True, kw_only=True):
    """Whose approval would fill a place that is missing. `standing_in_for`: those whose place it could be as well."""

    name: str
    display_name: str
    standing_in_for: list[str]


class PossibleReviewers(Answer, frozen=True, kw_only=True):
    """Which reviews a promotion waits for, and who could give one of them now, as roles, groups and delegations stand.
    `more`: not all who may review the model were looked at."""

    promotion_id: str
    missing: list[Reason]
    people: list[PossibleReviewer]
    more: bool


class ReviewOutcome(Answer, frozen=True, kw_only=True):
    """What became of one review of many: given, with the phase and decision that it led to; or refused, with `code` and
    `message` as a refusal has them."""

    promotion_id: str
    reviewed: bool
    phase: Phase | None
    decision: Decision | None
    code: str | None
    message: str | None


class ReviewOutcomes(Answer, frozen=True, kw_only=True):
    """In the order of the reviews."""

    outcomes: list[ReviewOutcome]

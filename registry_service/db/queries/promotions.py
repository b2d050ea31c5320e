"""Promotions, each with the decision of this moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, bindparam, select

from registry_service.db.filters import matching
from registry_service.db.paging import Ordering, PageRequest, page_of, pinned
from registry_service.db.prepared import Prepared
from registry_service.db.queries.facts import FactSource, closure_of, lease_of
from registry_service.db.queries.models import find_model
from registry_service.db.queries.policies import documents_of, pins_for
from registry_service.db.queries.sight import in_sight
from registry_service.db.queries.stages import find_stage
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import models, promotions, stages
from registry_service.db.view import View
from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Decision
from registry_service.domain.entities import Page, Promotion, Review, Verdict
from registry_service.domain.errors import NotPermitted, PersonRequired, PromotionNotFound, SelfApproval
from registry_service.domain.facts import Facts, Person
from registry_service.domain.permissions import Action, may
from registry_service.domain.policies import PolicyPin
from registry_service.domain.policy_check import check_policy
from registry_service.domain.promotions import OPEN_PHASES, Phase, PromotionKind
from registry_service.domain.requests import TestPolicy
from registry_service.domain.reviewing import check_reviewer, check_token_suffices

_ORDERING = Ordering(
    columns={"requested_at": promotions.c.requested_at}, tie_breakers=[promotions.c.id], default="requested_at desc"
)


PROMOTIONS: Final = (
    select(
        promotions,
        models.c.name.label("model_name"),
        (stages.c.promotion_id.is_not_distinct_from(promotions.c.id)).label("is_current"),
    )
    .join(models, models.c.id == promotions.c.model_id)
    .join(stages, (stages.c.model_id == promotions.c.model_id) & (stages.c.name == promotions.c.stage))
)
_BY_ID: Final = Prepared(PROMOTIONS.where(promotions.c.id == bindparam("promotion"), models.c.deleted_at.is_(None)))
_OPEN: Final = Prepared(
    PROMOTIONS.where(promotions.c.model_id == bindparam("model_id"), promotions.c.phase.in_(OPEN_PHASES)).order_by(
        promotions.c.requested_at, promotions.c.id
    )
)


def find_promotion(view: View, promotion: str) -> Row[Any]:
    """:raises PromotionNotFound: there is none, or its model is out of sight."""

    row = _BY_ID.row(view.connection, promotion=promotion)
    if row is None or not may(view.actor, Action.PROMOTION_READ, row.model_name):
        raise PromotionNotFound(f"There is no promotion '{promotion}', or you may not read it.", promotion=promotion)
    return row


def open_promotions(
    view: View, model_id: str, *, stage: str | None = None, number: int | None = None
) -> list[Row[Any]]:
    """The open promotions of a model, the oldest first."""

    rows = _OPEN.rows(view.connection, model_id=model_id)
    return [row for row in rows if stage in (None, row.stage) and number in (None, row.number)]


def get_promotion(
    view: View, promotion: str, *, holder: str | None = None, source: FactSource | None = None
) -> Promotion:
    """`source`: facts that were read in this transaction and still hold."""
    return describe_promotions(view, [find_promotion(view, promotion)], holder=holder, source=source)[0]


def list_promotions(view: View, page: PageRequest) -> Page[Promotion]:
    statement = PROMOTIONS.where(models.c.deleted_at.is_(None), in_sight(view, Action.PROMOTION_READ, models.c.name))
    if page.filter:
        page = pinned(page, view.now)
        statement = statement.where(matching("promotions", str(page.filter), now=page.now))
    return page_of(view.connection, statement, _ORDERING, page, lambda rows: describe_promotions(view, rows))


def test_policy(view: View, body: TestPolicy) -> Decision:
    """What would be decided if this version were asked for now. Nothing is written.

    :raises InvalidPolicy: the document given is one that couldn't be kept.
    """

    found = find_model(view, body.model, Action.PROMOTION_READ)
    version = find_version(view, found, body.version)
    find_stage(view, found, body.stage)
    policies = documents_of(view, pins_for(view, body.model, body.stage))
    if body.document is not None:
        check_policy(body.document)
        policies = [(PolicyPin(name=body.document.name, version=0), body.document)]
    return decide(FactSource(view).facts_if_requested(found, version, body.stage, policies), view.now)


def check_may_review(view: View, source: FactSource, facts: Facts, verdict: Verdict) -> tuple[Person, ...]:
    """Whether a review by the actor could count at all. Answers for whom they stand in.

    :raises PersonRequired, NotPermitted, SelfApproval: it never could.
    """

    reviewer = source.person(view.actor.name)
    standing_in_for = source.stands_in_for(reviewer.name, facts)
    check_reviewer(facts, reviewer, verdict, standing_in_for)
    if verdict is Verdict.APPROVE and view.actor.token_role is not None:
        check_token_suffices(facts, reviewer, view.actor.token_role, standing_in_for)
    return standing_in_for


def refuse_approval(view: View, promotion: str) -> str | None:
    """Why an approval by the actor could not count, in words; None where it could."""

    source = FactSource(view)
    try:
        check_may_review(view, source, source.facts_of(find_promotion(view, promotion)), Verdict.APPROVE)
    except (PersonRequired, NotPermitted, SelfApproval) as refusal:
        return str(refusal)
    return None


def describe_promotions(
    view: View, rows: Sequence[Row[Any]], *, holder: str | None = None, source: FactSource | None = None
) -> list[Promotion]:
    source = source or FactSource(view)
    described = []
    for row in rows:
        facts = source.facts_of(row)
        decision = decide(facts, view.now, holder=holder)
        self_approvers = {name for reason in decision.waived for name in reason.people}
        described.append(
            Promotion(
                id=row.id,
                kind=PromotionKind(row.kind),
                model_name=row.model_name,
                version=row.number,
                digest=row.digest,
                stage=row.stage,
                phase=Phase(row.phase),
                policies=msgspec.convert(row.policies, list[PolicyPin]),
                reason=row.reason,
                requested_by=row.requested_by,
                requested_at=row.requested_at,
                expires_at=row.deadline_at,
                replaces=row.replaces,
                undoes=row.undoes,
                lease=lease_of(row),
                reviews=[
                    describe_review(review, waived=review.reviewer in self_approvers)
                    for review in source.reviews_of(row.id)
                ],
                decision=decision,
                closure=closure_of(row),
                applied_at=row.applied_at,
                applied_by=row.applied_by,
                is_current=bool(row.is_current),
                revision=row.revision,
                url=view.url("promotions", row.id),
                people=list(facts.promotion.asserted_people),
            )
        )
    return described


def describe_review(row: Row[Any], *, waived: bool) -> Review:
    return Review(
        id=row.id,
        promotion_id=row.promotion_id,
        reviewer=row.reviewer,
        verdict=Verdict(row.verdict),
        comment=row.comment,
        digest=row.digest,
        at=row.at,
        withdrawn_at=row.withdrawn_at,
        waived=waived,
    )

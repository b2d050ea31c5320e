"""Promotions, each with the decision of this moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, select

from registry_service.db.filters import matching
from registry_service.db.paging import Ordering, PageRequest, page_of
from registry_service.db.queries.facts import FactSource, lease_of
from registry_service.db.queries.models import find_model
from registry_service.db.queries.policies import documents_of, pins_for
from registry_service.db.queries.sight import in_sight
from registry_service.db.queries.stages import find_stage
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import models, promotions, reviews, stages
from registry_service.db.view import View
from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Decision
from registry_service.domain.entities import Closure, Page, Promotion, Review, Verdict
from registry_service.domain.errors import PromotionNotFound
from registry_service.domain.permissions import Action
from registry_service.domain.policies import PolicyPin
from registry_service.domain.policy_check import check_policy
from registry_service.domain.promotions import OPEN_PHASES, Phase, PromotionKind
from registry_service.domain.requests import TestPolicy

_ORDERING = Ordering(
    columns={"requested_at": promotions.c.requested_at}, tie_breakers=[promotions.c.id], default="requested_at desc"
)


def _with_stage() -> Select[Any]:
    return (
        select(
            promotions,
            models.c.name.label("model_name"),
            (stages.c.promotion_id.is_not_distinct_from(promotions.c.id)).label("is_current"),
        )
        .join(models, models.c.id == promotions.c.model_id)
        .join(stages, (stages.c.model_id == promotions.c.model_id) & (stages.c.name == promotions.c.stage))
    )


def find_promotion(view: View, promotion: str) -> Row[Any]:
    """:raises PromotionNotFound: there is none, or its model is out of sight."""

    statement = _with_stage().where(
        promotions.c.id == promotion,
        models.c.deleted_at.is_(None),
        in_sight(view, Action.PROMOTION_READ, models.c.name),
    )
    row = view.connection.execute(statement).one_or_none()
    if row is None:
        raise PromotionNotFound(f"There is no promotion '{promotion}', or you may not read it.", promotion=promotion)
    return row


def open_promotions(
    view: View, model_id: str, *, stage: str | None = None, number: int | None = None
) -> list[Row[Any]]:
    """The open promotions of a model, the oldest first."""

    statement = _with_stage().where(promotions.c.model_id == model_id, promotions.c.phase.in_(OPEN_PHASES))
    if stage is not None:
        statement = statement.where(promotions.c.stage == stage)
    if number is not None:
        statement = statement.where(promotions.c.number == number)
    return list(view.connection.execute(statement.order_by(promotions.c.requested_at, promotions.c.id)))


def get_promotion(view: View, promotion: str, *, holder: str | None = None) -> Promotion:
    return describe_promotions(view, [find_promotion(view, promotion)], holder=holder)[0]


def list_promotions(view: View, page: PageRequest) -> Page[Promotion]:
    statement = _with_stage().where(models.c.deleted_at.is_(None), in_sight(view, Action.PROMOTION_READ, models.c.name))
    if page.filter:
        statement = statement.where(matching("promotions", page.filter))
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


def describe_promotions(
    view: View, rows: Sequence[Row[Any]], *, holder: str | None = None, source: FactSource | None = None
) -> list[Promotion]:
    source = source or FactSource(view)
    given: dict[str, list[Row[Any]]] = defaultdict(list)
    for review in view.connection.execute(
        select(reviews).where(reviews.c.promotion_id.in_([row.id for row in rows])).order_by(reviews.c.id)
    ):
        given[review.promotion_id].append(review)
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
                reviews=[describe_review(review, waived=review.reviewer in self_approvers) for review in given[row.id]],
                decision=decision,
                closure=None
                if row.closed_at is None
                else Closure(reason=row.closed_reason, by=row.closed_by, at=row.closed_at),
                applied_at=row.applied_at,
                applied_by=row.applied_by,
                is_current=bool(row.is_current),
                revision=row.revision,
                url=view.url("promotions", row.id),
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

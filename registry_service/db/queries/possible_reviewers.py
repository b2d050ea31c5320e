"""Who could give what a promotion waits for: whom to ask."""

from __future__ import annotations

from typing import Final

from sqlalchemy import literal, select, union_all

from registry_service.db.queries.facts import FactSource
from registry_service.db.queries.promotions import find_promotion
from registry_service.db.tables import grants, group_members, principals
from registry_service.db.view import View
from registry_service.domain.approvals import decide
from registry_service.domain.decisions import missing_reviews
from registry_service.domain.entities import PossibleReviewer, PossibleReviewers, PrincipalKind
from registry_service.domain.permissions import ALLOWED, Action, Role, Scope
from registry_service.domain.reviewing import who_could_review

JUDGED: Final = 200
"""People who are looked at, by name: each takes about as long as deciding on the promotion."""


def list_possible_reviewers(view: View, promotion: str, *, judged: int = JUDGED) -> PossibleReviewers:
    """Nobody, where no review is missing or can help any more.

    :raises PromotionNotFound: there is none that the caller may read.
    """

    row = find_promotion(view, promotion)
    source = FactSource(view)
    facts = source.facts_of(row)
    missing = [] if facts.promotion.phase.is_final else missing_reviews(decide(facts, view.now))
    reviewers = _reviewers(view, row.model_name) if missing else {}
    looked_at = sorted(reviewers)[:judged]
    standing_in_for = {name: source.stands_in_for(name, facts) for name in looked_at}
    return PossibleReviewers(
        promotion_id=row.id,
        missing=missing,
        people=[
            PossibleReviewer(
                name=name,
                display_name=reviewers[name],
                standing_in_for=[person.name for person in standing_in_for[name]],
            )
            for name in who_could_review(facts, map(source.person, looked_at), standing_in_for)
        ],
        more=len(reviewers) > judged,
    )


def _reviewers(view: View, model_name: str) -> dict[str, str]:
    """Who may review a model, whatever its policies ask for, with how they are called."""

    reviewing = [role for role in Role if Action.PROMOTION_REVIEW in ALLOWED[role]]
    held = union_all(
        select(grants.c.principal, grants.c.role, grants.c.pattern).where(grants.c.principal.is_not(None)),
        select(group_members.c.principal, grants.c.role, grants.c.pattern).join(
            group_members, group_members.c.group_name == grants.c.group_name
        ),
    ).subquery()
    rows = view.connection.execute(
        select(principals.c.name, principals.c.display_name, held.c.role, held.c.pattern)
        .join(held, held.c.principal == principals.c.name)
        .where(
            held.c.role.in_(reviewing),
            principals.c.kind == PrincipalKind.PERSON,
            principals.c.disabled == literal(value=False),
        )
    )
    return {row.name: row.display_name for row in rows if Scope(Role(row.role), row.pattern).covers(model_name)}

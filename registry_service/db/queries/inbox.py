"""What waits for the caller: reviews, mentions, changes of policy. Whether a review is missing is what the decision
says, and whether the caller's would fill the place, what it seats reviewers by."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Row, select

from registry_service.db.queries.comments import COMMENTS, describe_comment, mentioning
from registry_service.db.queries.facts import FactSource
from registry_service.db.queries.policies import attachments_in_force, describe_change, find_policy, waiting_changes
from registry_service.db.queries.promotions import PROMOTIONS
from registry_service.db.queries.sight import in_sight
from registry_service.db.tables import comment_reads, comments, models, promotions
from registry_service.db.view import View
from registry_service.domain.approvals import decide
from registry_service.domain.decisions import missing_reviews
from registry_service.domain.entities import AwaitedReview, Inbox, PolicyChange, UnreadMention
from registry_service.domain.permissions import Action, may
from registry_service.domain.promotions import Phase
from registry_service.domain.reviewing import might_fill, who_could_review

SHOWN: Final = 100
"""Of each kind."""

JUDGED: Final = 1000
"""Open promotions that are looked at, from the oldest on: each that the caller might review takes about as long as
reading one promotion."""


class _Found(NamedTuple):
    items: list[Any]
    more: bool


def get_inbox(view: View, *, shown: int = SHOWN, judged: int = JUDGED) -> Inbox:
    """Empty for services: what waits here, waits for people."""

    nothing = _Found([], more=False)
    is_person = view.actor.is_person
    reviews = _reviews(view, shown, judged) if is_person else nothing
    mentions = _mentions(view, shown) if is_person else nothing
    changes = _policy_changes(view, shown) if may(view.actor, Action.POLICY_WRITE, None) else nothing
    return Inbox(
        reviews=reviews.items,
        mentions=mentions.items,
        policy_changes=changes.items,
        more=reviews.more or mentions.more or changes.more,
    )


def _reviews(view: View, shown: int, judged: int) -> _Found:
    rows = view.connection.execute(
        PROMOTIONS.where(
            promotions.c.phase == Phase.PENDING,
            promotions.c.deadline_at > view.now,
            models.c.deleted_at.is_(None),
            in_sight(view, Action.PROMOTION_REVIEW, models.c.name),
        )
        .order_by(promotions.c.requested_at, promotions.c.id)
        .limit(judged + 1)
    ).all()
    source = FactSource(view)
    found: list[AwaitedReview] = []
    for row in rows[:judged]:
        awaited = _awaited(view, source, row)
        if awaited is not None:
            if len(found) == shown:
                return _Found(found, more=True)
            found.append(awaited)
    return _Found(found, more=len(rows) > judged)


def _awaited(view: View, source: FactSource, row: Row[Any]) -> AwaitedReview | None:
    me = source.person(view.actor.name)
    documents = [policy.document for policy in source.policies_of(row)]
    if not might_fill(me, source.party(row.requested_by), documents, row.model_name):
        return None  # before all else of the promotion is read, which takes most of the time
    facts = source.facts_of(row)
    decision = decide(facts, view.now)
    missing = missing_reviews(decision)
    if not missing or not who_could_review(facts, [me], {me.name: source.stands_in_for(me.name, facts)}):
        return None
    return AwaitedReview(
        promotion_id=row.id,
        model_name=row.model_name,
        version=row.number,
        digest=row.digest,
        stage=row.stage,
        reason=row.reason,
        requested_by=row.requested_by,
        since=row.requested_at,
        expires_at=row.deadline_at,
        outcome=decision.outcome,
        missing=missing,
        url=view.url("promotions", row.id),
    )


def _mentions(view: View, shown: int) -> _Found:
    """Of what one wrote oneself, nothing waits."""

    me, groups = view.actor.name, view.actor.groups
    read = select(comment_reads.c.comment_id).where(comment_reads.c.principal == me)
    rows = view.connection.execute(
        COMMENTS.where(
            comments.c.id.in_(mentioning(view)),
            comments.c.id.not_in(read),
            comments.c.author != me,
            models.c.deleted_at.is_(None),
            in_sight(view, Action.COMMENT_READ, models.c.name),
        )
        .order_by(comments.c.at, comments.c.id)
        .limit(shown + 1)
    ).all()
    found = [
        UnreadMention(
            comment=comment,
            through=[group for group in comment.mentions.groups if group in groups],
            since=comment.edited_at or comment.at,
        )
        for comment in map(describe_comment, rows[:shown])
    ]
    return _Found(found, more=len(rows) > shown)


def _policy_changes(view: View, shown: int) -> _Found:
    rows = [row for row in waiting_changes(view) if row.proposed_by != view.actor.name]
    attached = {held.id for held in attachments_in_force(view)} if rows else set()
    waiting: list[PolicyChange] = [describe_change(view, row) for row in rows if _can_still_come(view, row, attached)]
    return _Found(waiting[:shown], more=len(waiting) > shown)


def _can_still_come(view: View, row: Row[Any], attached: set[str]) -> bool:
    """Whether the change is still one of what is in force; of an older state, confirming it would be refused."""

    match row.kind:
        case "write":
            return bool(find_policy(view, row.policy).version == row.payload["replaces"])
        case "detach":
            return row.payload["attachment"] in attached
        case _:
            return True

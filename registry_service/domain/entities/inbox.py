"""What waits for one person."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.decisions import Outcome, Reason
from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.comment import Comment
from registry_service.domain.entities.policy import PolicyChange


class AwaitedReview(Answer, frozen=True, kw_only=True):
    """An open promotion that the person's approval would bring nearer. `missing` says which reviews its policies still
    ask for; `outcome` tells whether anything else is in the way. A review names the promotion and the digest."""

    promotion_id: str
    model_name: str
    version: int
    digest: str
    stage: str
    reason: str
    requested_by: str
    since: datetime
    expires_at: datetime
    outcome: Outcome
    missing: list[Reason]
    url: str


class UnreadMention(Answer, frozen=True, kw_only=True):
    """A comment that mentions the person, by name or `through` groups that they are in."""

    comment: Comment
    through: list[str]
    since: datetime


class Inbox(Answer, frozen=True, kw_only=True):
    """The oldest first in each list. `more`: there may be more than is shown; what is done makes room."""

    reviews: list[AwaitedReview]
    mentions: list[UnreadMention]
    policy_changes: list[PolicyChange]
    more: bool

"""Who asks, what they say, and what they hear of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from registry_service.domain import entities
from registry_service.domain.decisions import Outcome
from registry_service.domain.events import Cursor, EventKind
from registry_service.domain.following import Concern
from registry_service.domain.policies import TEAM
from registry_service.web.example_answers.things import (
    ADA,
    AT,
    COMMENT,
    DIGEST,
    HELD,
    HOUR,
    LOG,
    MODEL,
    NUMBER,
    PROMOTION,
    REQUESTED,
    REVIEW_MISSING,
    TOKEN_INFO,
    URL,
)
from registry_service.web.release import RELEASE

PEOPLE: Final[tuple[Any, ...]] = (
    COMMENT,
    entities.Delegation(
        id="d5m7x2k9w3q6n5z2",
        principal="ada",
        to="grace",
        starts_at=AT,
        until=AT + 24 * 14 * HOUR,
        reason="Holidays.",
        created_at=AT,
        ended_at=None,
        ended_by=None,
    ),
    entities.Subscription(id="s8m7x2k9w3q6n5z2", principal="ada", pattern="fraud-*", created_at=AT),
    entities.Activity(
        event=entities.Event(
            seq=97,
            at=AT + HOUR,
            kind=EventKind.COMMENT_ADDED,
            actor="ada",
            model_name=MODEL,
            revision=28,
            subject=COMMENT.id,
            data={"version": NUMBER, "promotion": None, "mentions": {"people": ["grace"], "groups": []}},
        ),
        concerns=[Concern.OWNER, Concern.SUBSCRIBED],
    ),
    entities.Inbox(
        reviews=[
            entities.AwaitedReview(
                promotion_id=PROMOTION,
                model_name=MODEL,
                version=NUMBER,
                digest=DIGEST,
                stage="production",
                reason=REQUESTED.reason,
                requested_by="airflow",
                since=AT,
                expires_at=AT + timedelta(seconds=TEAM.request_expires_after),
                outcome=Outcome.WAITING,
                missing=[REVIEW_MISSING],
                url=f"{URL}/promotions/{PROMOTION}",
            )
        ],
        mentions=[entities.UnreadMention(comment=COMMENT, through=[], since=AT + HOUR)],
        policy_changes=[],
        more=False,
    ),
    ADA,
    entities.Group(name="risk", members=["ada", "grace"]),
    ADA.grants[0],
    TOKEN_INFO,
    entities.IssuedToken(token="mreg_personal_<id><secret><checksum>", info=TOKEN_INFO),  # noqa: S106 -- its form, and no token
    entities.LoginLink(
        url=f"{URL}/login#mreg_login_<id><secret><checksum>/models/{MODEL}", expires_at=AT + timedelta(minutes=1)
    ),
    entities.EndedSessions(ended=2),
    entities.WhoAmI(principal=ADA, token=TOKEN_INFO, registry_version=RELEASE),
    entities.EventPage(
        events=[
            entities.Event(
                seq=118,
                at=AT + 2 * HOUR,
                kind=EventKind.STAGE_HELD,
                actor="ada",
                model_name=MODEL,
                revision=31,
                subject="production",
                data={"stage": "production", "reason": HELD.reason, "until": None},
            )
        ],
        cursor=str(Cursor(LOG, 118)),
    ),
    entities.Consumer(name="webhook", owner="ada", cursor=str(Cursor(LOG, 118)), updated_at=AT + 3 * HOUR),
)

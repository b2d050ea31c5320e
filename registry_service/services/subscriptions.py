"""Following models. Nobody else learns of it: what one follows is no event."""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, insert, select

from registry_service.db.locks import lock_key
from registry_service.db.queries.following import describe_subscription, find_subscription
from registry_service.db.tables import subscriptions
from registry_service.domain.entities import Subscription
from registry_service.domain.errors import TooLarge
from registry_service.domain.permissions import Action, check_pattern
from registry_service.domain.requests import Subscribe
from registry_service.services.ids import new_id
from registry_service.services.work import Work

MAX_SUBSCRIPTIONS: Final = 100


def subscribe(work: Work, body: Subscribe) -> Subscription:
    """Follow the models of a name or pattern, whether there are any by now or not: those that one may read are seen.

    :raises InvalidName: it is no pattern.
    :raises TooLarge: the caller has 100 already.
    """

    work.authorize_somewhere(Action.SUBSCRIPTION_OWN)
    check_pattern(body.pattern)
    me = work.actor.name
    lock_key(work.connection, f"subscriptions {me}")
    mine = work.connection.execute(select(subscriptions).where(subscriptions.c.principal == me)).all()
    for row in mine:
        if row.pattern == body.pattern:
            work.existed = True
            return describe_subscription(row)
    if len(mine) >= MAX_SUBSCRIPTIONS:
        raise TooLarge(
            f"You have {len(mine)} subscriptions; {MAX_SUBSCRIPTIONS} are the limit. Remove some, or use a pattern.",
            subscriptions=len(mine),
        )
    made = Subscription(id=new_id(), principal=me, pattern=body.pattern, created_at=work.now)
    work.connection.execute(
        insert(subscriptions).values(id=made.id, principal=me, pattern=made.pattern, created_at=made.created_at)
    )
    return made


def unsubscribe(work: Work, subscription: str) -> None:
    """:raises SubscriptionNotFound: there is none, or it is somebody else's."""

    work.authorize_somewhere(Action.SUBSCRIPTION_OWN)
    row = find_subscription(work, subscription)
    work.connection.execute(delete(subscriptions).where(subscriptions.c.id == row.id))

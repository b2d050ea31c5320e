"""What the caller follows, and what happened: a read over the one log, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, false, or_, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.queries.comments import mentioning
from registry_service.db.queries.events import about_version, describe_event, of_kinds, readable
from registry_service.db.queries.models import find_model
from registry_service.db.queries.principals import get_principal
from registry_service.db.queries.sight import name_matches
from registry_service.db.tables import events, model_owners, subscriptions
from registry_service.db.view import View
from registry_service.domain.entities import Activity, Event, Page, Subscription
from registry_service.domain.errors import InvalidInput, SubscriptionNotFound
from registry_service.domain.events import KindPattern
from registry_service.domain.following import Follower
from registry_service.domain.permissions import Action

_ACTIVITY: Final = Ordering(columns={"seq": events.c.seq}, tie_breakers=[events.c.seq], default="seq desc")
_AMONG: Final = 2_000
_SUBSCRIPTIONS: Final = Ordering(
    columns={"pattern": subscriptions.c.pattern}, tie_breakers=[subscriptions.c.id], default="pattern"
)


def find_subscription(view: View, subscription: str) -> Row[Any]:
    """:raises SubscriptionNotFound: there is none, or it is somebody else's."""

    mine = select(subscriptions).where(subscriptions.c.id == subscription, subscriptions.c.principal == view.actor.name)
    row = view.connection.execute(mine).one_or_none()
    if row is None:
        raise SubscriptionNotFound(f"You have no subscription '{subscription}'.", subscription=subscription)
    return row


def list_subscriptions(view: View, page: PageRequest) -> Page[Subscription]:
    """The caller's own: what one follows is nobody else's business."""

    refuse_filter(page)
    view.authorize_somewhere(Action.SUBSCRIPTION_OWN)
    mine = select(subscriptions).where(subscriptions.c.principal == view.actor.name)
    return page_of(
        view.connection, mine, _SUBSCRIPTIONS, page, lambda rows: [describe_subscription(row) for row in rows]
    )


def list_activity(
    view: View,
    page: PageRequest,
    *,
    model: str | None = None,
    person: str | None = None,
    subscribed: bool = False,
    kinds: Sequence[KindPattern] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    version: int | None = None,
) -> Page[Activity]:
    """What happened, as far as the caller may see it: to a model, or to one version of it, by a person, to what
    concerns the caller, of one of these kinds, from `since` on and before `until`; where more than one is asked for,
    what is all of it.

    :raises ModelNotFound, PrincipalNotFound: there is none, or it is out of sight.
    :raises InvalidInput: a version of no model.
    """

    refuse_filter(page)
    view.authorize_somewhere(Action.EVENT_READ)
    if version is not None and model is None:
        raise InvalidInput("Name the model that the version is of.", field="model", source="query")
    statement = select(events).where(readable(view))
    if model is not None:
        statement = statement.where(events.c.model_id == find_model(view, model, Action.EVENT_READ).id)
    if person is not None:
        statement = statement.where(events.c.actor == get_principal(view, person).name)
    if version is not None:
        statement = statement.where(about_version(view, version))
    if kinds:
        statement = statement.where(of_kinds(kinds))
    if since is not None:
        statement = statement.where(events.c.at >= since)
    if until is not None:
        statement = statement.where(events.c.at < until)
    patterns = _patterns(view)
    if subscribed:
        statement = statement.where(_concerns(view, patterns))
    return page_of(view.connection, statement, _ACTIVITY, page, lambda rows: _described(view, patterns, rows))


def newest_about_version(view: View, model_id: str, number: int, *, limit: int) -> list[Event]:
    """What happened to the version, the newest first, as far as that is among the latest of its model: so the question
    has an end however much happened to others."""

    latest = select(events).where(events.c.model_id == model_id, readable(view)).order_by(events.c.seq.desc())
    found = latest.limit(_AMONG).subquery("latest")
    rows = view.connection.execute(
        select(events)
        .where(events.c.seq.in_(select(found.c.seq)), about_version(view, number))
        .order_by(events.c.seq.desc())
        .limit(limit)
    )
    return [describe_event(row) for row in rows]


def _patterns(view: View) -> list[str]:
    mine = select(subscriptions.c.pattern).where(subscriptions.c.principal == view.actor.name)
    return list(view.connection.execute(mine).scalars())


def _owned(view: View) -> Select[Any]:
    return select(model_owners.c.model_id).where(model_owners.c.owner == view.actor.name)


def _concerns(view: View, patterns: Sequence[str]) -> ColumnElement[bool]:
    """`Follower.concerns`, as a condition; a test compares the two."""

    return or_(
        events.c.model_id.in_(_owned(view)),
        events.c.subject.in_(mentioning(view)),
        or_(false(), *(name_matches(view, events.c.model_name, pattern) for pattern in patterns)),
    )


def _described(view: View, patterns: Sequence[str], rows: Sequence[Row[Any]]) -> list[Activity]:
    ids = {row.model_id for row in rows}
    subjects = {row.subject for row in rows}
    mentioned = mentioning(view)
    follower = Follower(
        owned=set(view.connection.execute(_owned(view).where(model_owners.c.model_id.in_(ids))).scalars()),
        patterns=patterns,
        mentioned_in=set(
            view.connection.execute(mentioned.where(mentioned.selected_columns.comment_id.in_(subjects))).scalars()
        ),
    )
    return [
        Activity(
            event=describe_event(row),
            concerns=follower.concerns(model_id=row.model_id, model_name=row.model_name, subject=row.subject),
        )
        for row in rows
    ]


def describe_subscription(row: Row[Any]) -> Subscription:
    return Subscription(id=row.id, principal=row.principal, pattern=row.pattern, created_at=row.created_at)

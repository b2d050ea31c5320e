"""The one log, and the named readers of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, cast, false, func, or_, select
from sqlalchemy.dialects import postgresql

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.queries.sight import in_sight, name_matches
from registry_service.db.tables import consumers, events, registry
from registry_service.db.view import View
from registry_service.domain.entities import Consumer, Event, EventPage, Page
from registry_service.domain.errors import ConsumerNotFound, CursorFromOtherEpoch
from registry_service.domain.events import EVERY_EVENT, Cursor, EventFilter, KindPattern
from registry_service.domain.names import check_consumer_name
from registry_service.domain.permissions import Action, may

_CONSUMERS = Ordering(columns={"name": consumers.c.name}, tie_breakers=[consumers.c.name], default="name")


def log_epoch(view: View) -> str:
    """Names this log: a restored or reset one has another, so that old cursors are noticed."""
    epoch: str = view.connection.execute(select(registry.c.value).where(registry.c.key == "epoch")).scalar_one()
    return epoch


def last_seq(view: View) -> int:
    return view.connection.execute(select(func.max(events.c.seq))).scalar_one() or 0


def resolve_cursor(view: View, cursor: str) -> Cursor:
    """A cursor as callers write it: one that a page gave, or `start`, or `latest`.

    :raises InvalidCursor, CursorFromOtherEpoch: as they say.
    """

    epoch = log_epoch(view)
    if cursor == "start":
        return Cursor(epoch, 0)
    end = last_seq(view)
    if cursor == "latest":
        return Cursor(epoch, end)
    parsed = Cursor.parse(cursor, epoch=epoch)
    if parsed.seq > end:
        # An older copy was put in the log's place: the numbers in between will be given to other events.
        raise CursorFromOtherEpoch(
            f"The cursor stands after event {parsed.seq}, and the log ends at {end}: it was restored from a copy. Read"
            " again from 'start', or from 'latest'.",
            end=end,
        )
    return parsed


def read_events(
    view: View,
    *,
    after: str | None = None,
    consumer: str | None = None,
    wanted: EventFilter = EVERY_EVENT,
    limit: int = 100,
) -> EventPage:
    """Events after a cursor (or a consumer's cursor), as far as the caller may see them. The page's cursor passes
    events that the caller may not see, so that nobody waits before one for ever."""

    view.authorize_somewhere(Action.EVENT_READ)
    start = resolve_cursor(view, find_consumer(view, consumer).cursor if consumer else after or "start")
    statement = select(events).where(events.c.seq > start.seq, readable(view), *_conditions(view, wanted))
    # Taken first: what is committed after this moment is for the next page, not to be skipped by its cursor.
    end = last_seq(view)
    rows = view.connection.execute(statement.where(events.c.seq <= end).order_by(events.c.seq).limit(limit)).all()
    reached = rows[-1].seq if len(rows) == limit else max(end, start.seq)
    return EventPage(events=[describe_event(row) for row in rows], cursor=str(Cursor(start.epoch, reached)))


class Beginning(NamedTuple):
    """Where a stream begins: the first page, and the end of the log."""

    page: EventPage
    end: Cursor


def begin_stream(view: View, *, after: str | None, consumer: str | None, wanted: EventFilter, limit: int) -> Beginning:
    page = read_events(view, after=after, consumer=consumer, wanted=wanted, limit=limit)
    return Beginning(page, Cursor(log_epoch(view), last_seq(view)))


class LogPiece(NamedTuple):
    """A piece of the log as it is, for whoever hands it on. `end`: the last number in the log."""

    epoch: str
    end: int
    events: list[Event]


def read_log(view: View, *, after: int, limit: int) -> LogPiece:
    """The next events after a number, whoever may see them."""

    view.authorize(Action.EVENT_READ, None)
    statement = select(events).where(events.c.seq > after).order_by(events.c.seq).limit(limit)
    rows = view.connection.execute(statement).all()
    return LogPiece(log_epoch(view), last_seq(view), [describe_event(row) for row in rows])


def _conditions(view: View, wanted: EventFilter) -> list[ColumnElement[bool]]:
    """`EventFilter.admits`, in SQL."""

    found: list[ColumnElement[bool]] = []
    if wanted.kinds:
        found.append(of_kinds(wanted.kinds))
    if wanted.model is not None:
        found.append(name_matches(view, events.c.model_name, wanted.model))
    if wanted.stage is not None:
        found.append(_datum(view, "stage") == wanted.stage)
    return found


def about_version(view: View, number: int) -> ColumnElement[bool]:
    """That an event of a model names this version: as what it is about, or as what gave way."""

    named = number if view.connection.dialect.name == "sqlite" else str(number)
    return or_(*(_datum(view, key) == named for key in ("version", "from_version", "previous")))


def _datum(view: View, key: str) -> ColumnElement[Any]:
    if view.connection.dialect.name == "sqlite":
        return func.json_extract(events.c.data, f"$.{key}")
    found: ColumnElement[Any] = cast(events.c.data, postgresql.JSON)[key].astext
    return found


def readable(view: View) -> ColumnElement[bool]:
    """Events of models in sight; those of no model (people, tokens, policies) for whoever may read principals
    anywhere on the registry as a whole."""

    on_models = in_sight(view, Action.EVENT_READ, events.c.model_name)
    seen = and_(events.c.model_name.is_not(None), on_models)
    if may(view.actor, Action.EVENT_READ, None):
        return or_(seen, events.c.model_name.is_(None))
    return seen


def of_kinds(kinds: Sequence[KindPattern]) -> ColumnElement[bool]:
    """That an event is of one of the kinds; of none where none is given."""
    return or_(false(), *(_of_kind(kind) for kind in kinds))


def _of_kind(kind: KindPattern) -> ColumnElement[bool]:
    if kind.endswith(".*"):
        return events.c.kind.startswith(kind[:-1], autoescape=True)
    return events.c.kind == kind


def find_consumer(view: View, name: str) -> Row[Any]:
    """:raises ConsumerNotFound: there is none, or it is somebody else's.
    :raises InvalidName: no consumer can have this name.
    """

    check_consumer_name(name)
    row = view.connection.execute(select(consumers).where(consumers.c.name == name)).one_or_none()
    if row is None or (row.owner != view.actor.name and not may(view.actor, Action.PRINCIPAL_WRITE, None)):
        raise ConsumerNotFound(
            f"There is no consumer '{name}', or it is not yours. Make it by setting its cursor.", consumer=name
        )
    return row


def get_consumer(view: View, name: str) -> Consumer:
    return describe_consumer(find_consumer(view, name))


def list_consumers(view: View, page: PageRequest) -> Page[Consumer]:
    """The caller's; everybody's for an admin."""

    refuse_filter(page)
    view.authorize_somewhere(Action.EVENT_READ)
    statement = select(consumers)
    if not may(view.actor, Action.PRINCIPAL_WRITE, None):
        statement = statement.where(consumers.c.owner == view.actor.name)
    return page_of(view.connection, statement, _CONSUMERS, page, lambda rows: [describe_consumer(r) for r in rows])


def describe_event(row: Row[Any]) -> Event:
    return Event(
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        actor=row.actor,
        model_name=row.model_name,
        revision=row.revision,
        subject=row.subject,
        data=row.data,
    )


def describe_consumer(row: Row[Any]) -> Consumer:
    return Consumer(name=row.name, owner=row.owner, cursor=row.cursor, updated_at=row.updated_at)

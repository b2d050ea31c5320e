"""The log, as far as one may see it, the newest first: to look at, and to take along."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from registry_service.db.paging import PageRequest
from registry_service.db.queries.following import list_activity
from registry_service.db.view import View
from registry_service.domain.entities import Activity, Event, Page
from registry_service.domain.errors import InvalidInput, NotFound
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action
from registry_service.domain.selectors import MAX_NUMBER
from registry_service.web.parameters import Kinds
from registry_service.web.requests import kinds_of
from registry_service.web.ui.parameters import Cursor, moment_in_utc
from registry_service.web.ui.spreadsheets import as_csv
from registry_service.web.ui.visit import Visit

_SHOWN: Final = 50
_AT_ONCE: Final = 200
_COLUMNS: Final = ("seq", "at", "kind", "actor", "model", "revision", "subject", "data")

OfModel = Annotated[str | None, QueryParameter(description="Of this model.", max_length=256)]
OfVersion = Annotated[int | None, QueryParameter(description="Of this version of the model.", ge=1, le=MAX_NUMBER)]
ByPerson = Annotated[str | None, QueryParameter(description="Of what this principal did.", max_length=256)]
Mine = Annotated[str | None, QueryParameter(description="`on`: of what concerns the caller.", max_length=3)]
Day = Annotated[str | None, QueryParameter(description="A time; in UTC where it names no zone.", max_length=64)]


class Wanted(NamedTuple):
    """What of the log is asked for, as it stands in the address."""

    model: str | None
    person: str | None
    mine: str | None
    kinds: str | None
    since: str | None
    until: str | None
    version: int | None


def provide_wanted(
    model: FromQuery[OfModel] = None,
    person: FromQuery[ByPerson] = None,
    mine: FromQuery[Mine] = None,
    kinds: FromQuery[Kinds] = None,
    since: FromQuery[Day] = None,
    until: FromQuery[Day] = None,
    version: FromQuery[OfVersion] = None,
) -> Wanted:
    return Wanted(model, person, mine, kinds, since, until, version)


class Log(NamedTuple):
    """`kinds`: all that there are."""

    activity: Page[Activity]
    refusal: str | None
    kinds: list[str]


def look_at_log(view: View, wanted: Wanted, cursor: str | None) -> Log:
    kinds = sorted({*EventKind, *(f"{kind.partition('.')[0]}.*" for kind in EventKind)})
    try:
        return Log(_activity(view, wanted, PageRequest(limit=_SHOWN, cursor=cursor)), None, kinds)
    except (NotFound, InvalidInput) as error:
        return Log(Page(items=[]), error.message, kinds)


def _activity(view: View, wanted: Wanted, page: PageRequest) -> Page[Activity]:
    """A field of a form that was left empty asks for nothing.

    :raises ModelNotFound, PrincipalNotFound: there is none, or it is out of sight.
    :raises InvalidInput: a kind or a time is none.
    """

    return list_activity(
        view,
        page,
        model=wanted.model or None,
        person=wanted.person or None,
        subscribed=wanted.mine == "on",
        kinds=kinds_of(wanted.kinds),
        since=moment_in_utc(wanted.since, "since"),
        until=moment_in_utc(wanted.until, "until"),
        version=wanted.version,
    )


@get("/log", action=Action.EVENT_READ, include_in_schema=False)
async def log_page(
    visit: NamedDependency[Visit], wanted: NamedDependency[Wanted], cursor: FromQuery[Cursor] = None
) -> Response[str]:
    return await visit.page("log.html", look_at_log, wanted, cursor or None)


@get("/log.jsonl", action=Action.EVENT_READ, include_in_schema=False)
async def log_as_lines(visit: NamedDependency[Visit], wanted: NamedDependency[Wanted]) -> Stream:
    """An event on each line."""
    return await _taken_along(visit, wanted, "log.jsonl", "application/jsonl", "", _lines)


@get("/log.csv", action=Action.EVENT_READ, include_in_schema=False)
async def log_as_csv(visit: NamedDependency[Visit], wanted: NamedDependency[Wanted]) -> Stream:
    return await _taken_along(visit, wanted, "log.csv", "text/csv; charset=utf-8", as_csv([_COLUMNS]), _rows)


def _lines(events: Iterable[Event]) -> str:
    return "".join(f"{msgspec.json.encode(event).decode()}\n" for event in events)


def _rows(events: Iterable[Event]) -> str:
    return as_csv(
        (one.seq, one.at.isoformat(), one.kind, one.actor, one.model_name, one.revision, one.subject, one.data)
        for one in events
    )


async def _taken_along(
    visit: Visit, wanted: Wanted, name: str, media_type: str, head: str, written: Callable[[Iterable[Event]], str]
) -> Stream:
    """All of it, however much there is, a page at a time; what is asked for is read before the answer begins, so that
    a refusal is one."""

    page = await visit.look(_activity, wanted, PageRequest(limit=_AT_ONCE))

    async def pieces(page: Page[Activity]) -> AsyncIterator[str]:
        yield head
        while True:
            yield written(one.event for one in page.items)
            if page.next_cursor is None:
                return
            page = await visit.look(_activity, wanted, PageRequest(limit=_AT_ONCE, cursor=page.next_cursor))

    headers: dict[str, Any] = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Stream(pieces(page), media_type=media_type, headers=headers)

"""The log, as far as one may see it, the newest first."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries.following import list_activity
from registry_service.db.view import View
from registry_service.domain.entities import Activity, Page
from registry_service.domain.errors import InvalidInput, NotFound
from registry_service.domain.permissions import Action
from registry_service.web.ui.parameters import Cursor
from registry_service.web.ui.visit import Visit

_SHOWN: Final = 50

OfModel = Annotated[str | None, QueryParameter(description="Of this model.", max_length=256)]
ByPerson = Annotated[str | None, QueryParameter(description="Of what this principal did.", max_length=256)]
Mine = Annotated[str | None, QueryParameter(description="`on`: of what concerns the caller.", max_length=3)]


class Log(NamedTuple):
    activity: Page[Activity]
    refusal: str | None


def look_at_log(view: View, cursor: str | None, model: str | None, person: str | None, *, subscribed: bool) -> Log:
    page = PageRequest(limit=_SHOWN, cursor=cursor)
    try:
        return Log(list_activity(view, page, model=model, person=person, subscribed=subscribed), None)
    except (NotFound, InvalidInput) as error:
        return Log(Page(items=[]), error.message)


@get("/log", action=Action.EVENT_READ, include_in_schema=False)
async def log_page(
    visit: NamedDependency[Visit],
    model: FromQuery[OfModel] = None,
    person: FromQuery[ByPerson] = None,
    mine: FromQuery[Mine] = None,
    cursor: FromQuery[Cursor] = None,
) -> Response[str]:
    return await visit.page(
        "log.html", look_at_log, cursor or None, model or None, person or None, subscribed=mine == "on"
    )

"""What is live, or was at a time: what stages authorise, and what targets were seen to serve."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from markupsafe import Markup

from registry_service.db.paging import PageRequest
from registry_service.db.queries.live import list_live
from registry_service.db.queries.models import get_model
from registry_service.db.queries.versions import list_all_versions
from registry_service.db.view import View
from registry_service.domain.entities import LiveModel, Page, StageRecord
from registry_service.domain.errors import InvalidInput, ModelNotFound
from registry_service.domain.events import is_pattern
from registry_service.domain.permissions import Action
from registry_service.web.ui.drawing import draw_history
from registry_service.web.ui.history import histories, in_one
from registry_service.web.ui.parameters import SHOWN, Cursor, moment_in_utc
from registry_service.web.ui.visit import Visit

_HISTORY: Final = 100

At = Annotated[str | None, QueryParameter(description="How it was at this time, in UTC.", max_length=40)]
OfModel = Annotated[
    str | None, QueryParameter(description="Of this model, or of models of this pattern.", max_length=256)
]


class Live(NamedTuple):
    """`at` None: now. `registered`: there is a version in sight. `history`: of one model, its stages over time, as
    records and drawn."""

    models: Page[LiveModel]
    registered: bool
    at: datetime | None
    history: list[StageRecord]
    drawing: Markup | None
    refusal: str | None


def look_at_live(view: View, model: str | None, at: str | None, cursor: str | None) -> Live:
    try:
        moment = moment_in_utc(at, "at")
        found = list_live(view, PageRequest(limit=SHOWN, cursor=cursor), model=model, as_of=moment)
        of_stages = {}
        if model is not None and not is_pattern(model):
            of_stages = histories(view, model, get_model(view, model).stages, limit=_HISTORY)
    except (InvalidInput, ModelNotFound) as error:
        return Live(Page(items=[]), False, None, [], None, error.message)
    registered = is_registered(view, found)
    return Live(found, registered, moment, in_one(of_stages), draw_history(of_stages, view.now), None)


def is_registered(view: View, found: Page[LiveModel]) -> bool:
    """Whether there is a version in sight, of which something might be live, or is."""
    return bool(found.items or list_all_versions(view, PageRequest(limit=1)).items)


@get("/live", action=Action.DEPLOYMENT_READ, include_in_schema=False)
async def live_page(
    visit: NamedDependency[Visit],
    model: FromQuery[OfModel] = None,
    at: FromQuery[At] = None,
    cursor: FromQuery[Cursor] = None,
) -> Response[str]:
    return await visit.page("live.html", look_at_live, model or None, at or None, cursor or None)

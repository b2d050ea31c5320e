"""What was live at a time."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import live as queries
from registry_service.domain.entities import LiveModel, Page
from registry_service.domain.permissions import Action
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller
from registry_service.web.requests import AsOf, moment_of

OfModel = Annotated[
    str | None, QueryParameter(description="Of one model, or of a name pattern such as `team-a.*`.", max_length=256)
]
InStage = Annotated[str | None, QueryParameter(description="In this stage only.", max_length=64)]


@get("/live", action=Action.DEPLOYMENT_READ, tags=("deployments",))
async def live(
    caller: NamedDependency[Caller],
    page: NamedDependency[PageRequest],
    model: FromQuery[OfModel] = None,
    stage: FromQuery[InStage] = None,
    as_of: FromQuery[AsOf] = None,
) -> Encoded[Page[LiveModel]]:
    """What is live now, or was at a time, of each model: the versions that its stages authorise, since when and by
    which promotion, and what the targets of its deployments were last seen to serve. Models of which nothing was live
    are left out. A filter asks of the models as they are now: `tags.team = 'risk'`."""
    return await caller.list(queries.list_live, page, model=model, stage=stage, as_of=moment_of(as_of))

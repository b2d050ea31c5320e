"""Which values versions and models have, and how many have each."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.queries import facets as queries
from registry_service.domain.entities import Facets
from registry_service.domain.permissions import Action
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller

Fields = Annotated[
    str, QueryParameter(description="Up to 8 names between commas: `framework,tags.team`.", max_length=1024)
]
Filter = Annotated[str | None, QueryParameter(description="Among which: `stage = 'production'`.", max_length=4096)]
Values = Annotated[int, QueryParameter(description="How many values of each field at most.", ge=1, le=100)]


@get("/versions/facets", action=Action.VERSION_READ, tags=["versions"])
async def count_facets(
    caller: NamedDependency[Caller],
    fields: FromQuery[Fields] = "",
    filter: FromQuery[Filter] = None,  # noqa: A002 - the parameter's name on the wire
    limit: FromQuery[Values] = 10,
) -> Encoded[Facets]:
    """Which values fields have, and how often, among the newest 10,000 versions that the filter finds."""
    return await caller.list(queries.count_facets, fields, filter, limit=limit)


@get("/facets/models", action=Action.MODEL_READ, tags=["models"])
async def count_model_facets(
    caller: NamedDependency[Caller],
    fields: FromQuery[Fields] = "",
    filter: FromQuery[Filter] = None,  # noqa: A002 - the parameter's name on the wire
    limit: FromQuery[Values] = 10,
) -> Encoded[Facets]:
    """The same among the newest 10,000 models that the filter finds."""
    return await caller.list(queries.count_model_facets, fields, filter, limit=limit)

"""Full-text search."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.paging import DEFAULT_LIMIT, MAX_LIMIT
from registry_service.db.queries import words as queries
from registry_service.domain.entities import FoundText, Page
from registry_service.domain.permissions import Action
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller

Words = Annotated[
    str, QueryParameter(description="Words, all of which it has: the last one perhaps not to its end.", max_length=1024)
]
Limit = Annotated[int, QueryParameter(description="How many at most.", ge=1, le=MAX_LIMIT)]


@get("/search", action=Action.VERSION_READ, tags=["search"])
async def search(
    caller: NamedDependency[Caller], q: FromQuery[Words] = "", limit: FromQuery[Limit] = DEFAULT_LIMIT
) -> Encoded[Page[FoundText]]:
    """Models and versions by words of their names, tags and descriptions, the best first."""
    return await caller.list(queries.search, q, limit=limit)

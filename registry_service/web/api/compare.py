"""Versions side by side."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from registry_service.db.queries import compare as queries
from registry_service.domain.comparing import parse_versions
from registry_service.domain.entities import Comparison
from registry_service.domain.permissions import Action
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller

Versions = Annotated[
    str,
    QueryParameter(
        description="2 to 20 versions, separated by commas: `fraud/7,fraud/@production`.", max_length=16_000
    ),
]
Everything = Annotated[bool, QueryParameter(description="Also the params, fields and files that don't differ.")]


@get("/compare", action=Action.VERSION_READ, tags=["versions"])
async def compare_versions(
    caller: NamedDependency[Caller], versions: FromQuery[Versions], everything: FromQuery[Everything] = False
) -> Encoded[Comparison]:
    """Versions side by side: metrics with the best and the differences to the first, params, fields, signatures, files,
    stages and checks."""
    return await caller.list(queries.compare_versions, parse_versions(versions), everything=everything)

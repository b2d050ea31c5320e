"""Where versions come from, and where they went."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import lineage as queries
from registry_service.db.queries.lineage import MAX_DEPTH, MAX_NODES
from registry_service.domain.entities import (
    LineageDirection,
    LineageGraph,
    LineageKind,
    MadeFrom,
    ModelVersion,
    Page,
)
from registry_service.domain.permissions import Action
from registry_service.domain.requests import AddLineage
from registry_service.services import lineage as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller

Way = Annotated[LineageDirection, QueryParameter(description="`up`: what made it; `down`: what was made of it.")]
Depth = Annotated[int, QueryParameter(description="How many steps away at most.", ge=1, le=MAX_DEPTH)]
Nodes = Annotated[int, QueryParameter(description="How many nodes at most.", ge=1, le=MAX_NODES)]
Kind = Annotated[LineageKind, QueryParameter(description="What kind of thing.")]
Ref = Annotated[str | None, QueryParameter(description="What it is called.", max_length=1024)]
OfDigest = Annotated[str | None, QueryParameter(description="The digest of its content.", max_length=71)]


class Lineage(Controller):
    path = "/"
    tags = ("lineage",)

    @get("/models/{model:str}/versions/{selector:str}/lineage", action=Action.VERSION_READ)
    async def get_lineage(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        direction: FromQuery[Way] = LineageDirection.BOTH,
        depth: FromQuery[Depth] = 5,
        limit: FromQuery[Nodes] = 200,
    ) -> Encoded[LineageGraph]:
        """What made a version, and what was made of it, as a graph. What one may not read is hidden."""
        return await caller.list(queries.get_lineage, model, selector, direction=direction, depth=depth, limit=limit)

    @post("/models/{model:str}/versions/{selector:str}/lineage", action=Action.VERSION_UPDATE)
    async def add_lineage(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        selector: FromPath[str],
        data: JSONBody[AddLineage],
    ) -> Encoded[ModelVersion]:
        """Say later what made a version. It changes no digest; edges are only ever added."""
        return await caller.make(use_cases.add_lineage, model, selector, data)

    @get("/lineage", action=Action.VERSION_READ)
    async def list_made_from(
        self,
        caller: NamedDependency[Caller],
        page: NamedDependency[PageRequest],
        kind: FromQuery[Kind],
        ref: FromQuery[Ref] = None,
        digest: FromQuery[OfDigest] = None,
    ) -> Encoded[Page[MadeFrom]]:
        """The versions that came of a dataset, a commit, a run or a parent: named by `ref`, by `digest`, or both."""
        return await caller.list(queries.list_made_from, kind, page, ref=ref, digest=digest)

"""From what is served to all that answers for it."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import provenance as queries
from registry_service.domain.entities import DeploymentRole, Page, VersionProvenance
from registry_service.domain.permissions import Action
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller
from registry_service.web.requests import AsOf, moment_of

Target = Annotated[str, QueryParameter(description="Where it was deployed.", max_length=256)]
InRole = Annotated[DeploymentRole, QueryParameter(description="In which role.")]


class Provenance(Controller):
    path = "/"
    tags = ("lineage",)

    @get("/provenance/{digest:str}", action=Action.VERSION_READ)
    async def list_provenance(
        self, caller: NamedDependency[Caller], digest: FromPath[str], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[VersionProvenance]]:
        """The versions with this content, or with a file of it, each with lineage, checks, promotions and reviews,
        times in stages, and deployments."""
        return await caller.list(queries.list_provenance, digest, page)

    @get("/provenance", action=Action.VERSION_READ)
    async def list_served(
        self,
        caller: NamedDependency[Caller],
        page: NamedDependency[PageRequest],
        target: FromQuery[Target],
        role: FromQuery[InRole] = DeploymentRole.PRIMARY,
        as_of: FromQuery[AsOf] = None,
    ) -> Encoded[Page[VersionProvenance]]:
        """The same of what was deployed to a target in a role, now or at a time."""
        return await caller.list(queries.list_served, target, page, role=role, as_of=moment_of(as_of))

    @get("/deployments/{deployment:str}/provenance", action=Action.DEPLOYMENT_READ)
    async def get_deployment_provenance(
        self, caller: NamedDependency[Caller], deployment: FromPath[str]
    ) -> Encoded[VersionProvenance]:
        """The same of the version of a deployment."""
        return await caller.list(queries.get_deployment_provenance, deployment)

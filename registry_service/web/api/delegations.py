"""Who stands in for whom at reviews."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import delegations as queries
from registry_service.domain.entities import Delegation, Page
from registry_service.domain.permissions import Action
from registry_service.domain.requests import Delegate
from registry_service.services import delegations as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller

OfPrincipal = Annotated[str | None, QueryParameter(description="Those that this person gave or was given.")]
InForce = Annotated[bool, QueryParameter(description="Those in force at this moment.")]


class Delegations(Controller):
    path = "/delegations"
    tags = ("principals",)

    @get("/", action=Action.DELEGATION_READ)
    async def list_delegations(
        self,
        caller: NamedDependency[Caller],
        page: NamedDependency[PageRequest],
        principal: FromQuery[OfPrincipal] = None,
        in_force: FromQuery[InForce] = False,
    ) -> Encoded[Page[Delegation]]:
        """Who stands in for whom, the one that ends last first."""
        return await caller.list(queries.list_delegations, page, principal=principal, in_force=in_force)

    @post("/", action=Action.DELEGATION_OWN)
    async def delegate(self, caller: NamedDependency[Caller], data: JSONBody[Delegate]) -> Encoded[Delegation]:
        """Have another person stand in for the caller at reviews; for people."""
        return await caller.make(use_cases.delegate, data)

    @delete("/{delegation:str}", action=Action.DELEGATION_OWN, status_code=200)
    async def end_delegation(self, caller: NamedDependency[Caller], delegation: FromPath[str]) -> Encoded[Delegation]:
        """End a delegation before its time. Reviews given until now count on."""
        return await caller.change(use_cases.end_delegation, delegation)

"""People, services, groups, and what they are granted."""

from __future__ import annotations

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from registry_service.db.paging import PageRequest
from registry_service.db.queries import principals as queries
from registry_service.domain.entities import Grant, Group, Page, Principal
from registry_service.domain.permissions import Action
from registry_service.domain.requests import CreateGrant, CreatePrincipal, UpdatePrincipal, WriteGroup
from registry_service.services import principals as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller


class Principals(Controller):
    path = "/"
    tags = ("principals",)

    @get("/principals", action=Action.PRINCIPAL_READ)
    async def list_principals(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Principal]]:
        """People and services."""
        return await caller.list(queries.list_principals, page)

    @post("/principals", action=Action.PRINCIPAL_WRITE)
    async def create_principal(
        self, caller: NamedDependency[Caller], data: JSONBody[CreatePrincipal]
    ) -> Encoded[Principal]:
        """A new person, or a service with people who answer for it."""
        return await caller.make(use_cases.create_principal, data)

    @get("/principals/{name:str}", action=Action.PRINCIPAL_READ)
    async def get_principal(self, caller: NamedDependency[Caller], name: FromPath[str]) -> Encoded[Principal]:
        """One person or service."""
        return await caller.look(queries.get_principal, name)

    @patch("/principals/{name:str}", action=Action.PRINCIPAL_WRITE)
    async def update_principal(
        self, caller: NamedDependency[Caller], name: FromPath[str], data: JSONBody[UpdatePrincipal]
    ) -> Encoded[Principal]:
        """Change what is given. Disabling ends the force of tokens and approvals at once."""
        return await caller.change(use_cases.update_principal, name, data)

    @post("/grants", action=Action.PRINCIPAL_WRITE)
    async def create_grant(self, caller: NamedDependency[Caller], data: JSONBody[CreateGrant]) -> Encoded[Grant]:
        """Give a role on the models that a pattern matches, to a principal or a group."""
        return await caller.make(use_cases.create_grant, data)

    @delete("/grants/{grant:str}", action=Action.PRINCIPAL_WRITE)
    async def remove_grant(self, caller: NamedDependency[Caller], grant: FromPath[str]) -> Response[None]:
        """Take a role back."""
        return await caller.erase(use_cases.remove_grant, grant)

    @get("/groups", action=Action.PRINCIPAL_READ)
    async def list_groups(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Group]]:
        """Groups of people."""
        return await caller.list(queries.list_groups, page)

    @put("/groups/{group:str}", action=Action.PRINCIPAL_WRITE)
    async def write_group(
        self, caller: NamedDependency[Caller], group: FromPath[str], data: JSONBody[WriteGroup]
    ) -> Encoded[Group]:
        """Make a group, or replace its members."""
        return await caller.change(use_cases.write_group, group, data)

    @delete("/groups/{group:str}", action=Action.PRINCIPAL_WRITE)
    async def remove_group(self, caller: NamedDependency[Caller], group: FromPath[str]) -> Response[None]:
        """End a group and what was granted to it."""
        return await caller.erase(use_cases.remove_group, group)

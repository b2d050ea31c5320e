"""Aliases: free pointers to versions."""

from __future__ import annotations

from litestar import Controller, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from registry_service.db.paging import PageRequest
from registry_service.db.queries import aliases as queries
from registry_service.domain.entities import Alias, Page
from registry_service.domain.permissions import Action
from registry_service.domain.requests import MoveAlias
from registry_service.services import aliases as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller


class Aliases(Controller):
    path = "/models/{model:str}/aliases"
    tags = ("aliases",)

    @get(action=Action.MODEL_READ)
    async def list_aliases(
        self, caller: NamedDependency[Caller], model: FromPath[str], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Alias]]:
        """Aliases of a model."""
        return await caller.list(queries.list_aliases, model, page)

    @get("/{alias:str}", action=Action.MODEL_READ)
    async def get_alias(
        self, caller: NamedDependency[Caller], model: FromPath[str], alias: FromPath[str]
    ) -> Encoded[Alias]:
        """One alias."""
        return await caller.look(queries.get_alias, model, alias)

    @put("/{alias:str}", action=Action.ALIAS_MOVE)
    async def move_alias(
        self,
        caller: NamedDependency[Caller],
        model: FromPath[str],
        alias: FromPath[str],
        data: JSONBody[MoveAlias],
        if_match: NamedDependency[int | None],
    ) -> Encoded[Alias]:
        """Point an alias, new or not, to a version."""
        return await caller.change(use_cases.move_alias, model, alias, data, if_match=if_match)

    @delete("/{alias:str}", action=Action.ALIAS_MOVE)
    async def remove_alias(
        self, caller: NamedDependency[Caller], model: FromPath[str], alias: FromPath[str]
    ) -> Response[None]:
        """Remove an alias; the version stays."""
        return await caller.erase(use_cases.remove_alias, model, alias)

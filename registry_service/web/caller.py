"""What a route does, in one word each: look, read, list, make, change, erase; always on behalf of the caller."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, TypeVar

from litestar import Request, Response

from registry_service.db.view import View
from registry_service.domain.permissions import Actor
from registry_service.services.registry import Registry
from registry_service.services.work import Work
from registry_service.web.answers import Encoded, encoded, entity, written
from registry_service.web.requests import idempotency_of

T = TypeVar("T")
P = ParamSpec("P")


class Caller:
    """An actor, at this request, before the registry."""

    def __init__(self, request: Request[Any, Any, Any], registry: Registry) -> None:
        self.request = request
        self.registry = registry
        self.actor: Actor = request.user

    async def look(self, query: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs) -> Encoded[T]:
        """An entity, or 304 where the caller has it already."""
        return entity(self.request, await self.registry.view(self.actor, query, *args, **kwargs))

    async def read(self, query: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs) -> Encoded[T]:
        """One thing that has no revision of its own, found by what it is called: searches don't hold it up."""
        return encoded(await self.registry.view(self.actor, query, *args, **kwargs))

    async def list(self, query: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs) -> Encoded[T]:
        """What has no revision of its own: many things mostly, for which many rows may be gone through."""
        return encoded(await self.registry.search(self.actor, query, *args, **kwargs))

    async def make(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> Encoded[T]:
        """201 with what was made; 200 where it was there already."""
        key = await idempotency_of(self.request)
        return written(await self.registry.write(self.actor, use_case, key, *args, **kwargs), made=True)

    async def make_secret(
        self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Encoded[T]:
        """201 with what no store may keep: sent again, the request makes another."""
        return written(await self.registry.write(self.actor, use_case, None, *args, **kwargs), made=True)

    async def change(
        self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Encoded[T]:
        """200 with the entity as it is now."""
        key = await idempotency_of(self.request)
        return written(await self.registry.write(self.actor, use_case, key, *args, **kwargs))

    async def erase(
        self, use_case: Callable[Concatenate[Work, P], None], *args: P.args, **kwargs: P.kwargs
    ) -> Response[None]:
        """204."""
        key = await idempotency_of(self.request)
        await self.registry.write(self.actor, use_case, key, *args, **kwargs)
        return Response(None, status_code=HTTPStatus.NO_CONTENT)


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    # Asked for by name, the state would be a copy, made for each request.
    return Caller(request, request.app.state.registry)

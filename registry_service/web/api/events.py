"""The one log, by long poll, and the named readers of it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import Controller, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import events as queries
from registry_service.domain.entities import Consumer, EventPage, Page
from registry_service.domain.errors import InvalidInput
from registry_service.domain.events import KindPattern, parse_kind
from registry_service.domain.permissions import Action
from registry_service.domain.requests import MoveConsumer
from registry_service.services import events as use_cases
from registry_service.web.answers import Encoded, encoded
from registry_service.web.caller import Caller

After = Annotated[str | None, QueryParameter(description="A cursor, `start` or `latest`.", max_length=100)]
Kinds = Annotated[
    str | None, QueryParameter(description="Kinds, separated by commas: `model.created,promotion.*`.", max_length=2000)
]
OfModel = Annotated[str | None, QueryParameter(description="Of this model only.", max_length=256)]
Wait = Annotated[float, QueryParameter(description="Seconds to wait where there is nothing yet.", ge=0, le=60)]
Limit = Annotated[int, QueryParameter(description="How many at most.", ge=1, le=1000)]
ByConsumer = Annotated[
    str | None, QueryParameter(description="Read on from this consumer's cursor; instead of `after`.", max_length=64)
]


class Events(Controller):
    path = "/"
    tags = ("events",)

    @get("/events", action=Action.EVENT_READ)
    async def read_events(
        self,
        caller: NamedDependency[Caller],
        after: FromQuery[After] = None,
        kinds: FromQuery[Kinds] = None,
        model: FromQuery[OfModel] = None,
        wait: FromQuery[Wait] = 0.0,
        limit: FromQuery[Limit] = 100,
        consumer: FromQuery[ByConsumer] = None,
    ) -> Encoded[EventPage]:
        """Events after a cursor, as far as the caller may see them. The answer's `cursor` continues after the last
        event looked at, also where the caller may not see it."""

        if after is not None and consumer is not None:
            raise InvalidInput("Give either after or consumer, not both.", field="after", source="query")
        wanted = [parse_kind(kind.strip()) for kind in kinds.split(",")] if kinds else []
        page = await _read(caller, after=after, consumer=consumer, kinds=wanted, model=model, limit=limit)
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while not page.events and not caller.registry.closing and (remaining := deadline - clock()) > 0:
            await caller.registry.wait_for_events(_reached(page), remaining)
            page = await _read(caller, after=page.cursor, consumer=None, kinds=wanted, model=model, limit=limit)
        return encoded(page)

    @get("/consumers", action=Action.EVENT_READ)
    async def list_consumers(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Consumer]]:
        """The caller's consumers."""
        return await caller.list(queries.list_consumers, page)

    @get("/consumers/{name:str}", action=Action.EVENT_READ)
    async def get_consumer(self, caller: NamedDependency[Caller], name: FromPath[str]) -> Encoded[Consumer]:
        """One consumer."""
        return await caller.look(queries.get_consumer, name)

    @put("/consumers/{name:str}", action=Action.EVENT_READ)
    async def move_consumer(
        self, caller: NamedDependency[Caller], name: FromPath[str], data: JSONBody[MoveConsumer]
    ) -> Encoded[Consumer]:
        """Set a consumer's cursor; the first time makes it the caller's."""
        return await caller.change(use_cases.move_consumer, name, data)

    @delete("/consumers/{name:str}", action=Action.EVENT_READ)
    async def remove_consumer(self, caller: NamedDependency[Caller], name: FromPath[str]) -> Response[None]:
        """Forget a consumer and its cursor."""
        return await caller.erase(use_cases.remove_consumer, name)


async def _read(
    caller: Caller,
    *,
    after: str | None,
    consumer: str | None,
    kinds: list[KindPattern],
    model: str | None,
    limit: int,
) -> EventPage:
    return await caller.registry.view(
        caller.actor, queries.read_events, after=after, consumer=consumer, kinds=kinds, model=model, limit=limit
    )


def _reached(page: EventPage) -> int:
    """The number that the page's cursor stands after."""
    return int(page.cursor.rpartition("-")[2])

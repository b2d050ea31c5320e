"""The one log, by long poll and as a stream, and the named readers of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import events as queries
from registry_service.domain.entities import Consumer, EventPage, Page
from registry_service.domain.errors import InvalidInput
from registry_service.domain.events import EventFilter
from registry_service.domain.permissions import Action
from registry_service.domain.requests import MoveConsumer
from registry_service.services import events as use_cases
from registry_service.web.answers import Encoded, encoded
from registry_service.web.caller import Caller
from registry_service.web.parameters import Kinds
from registry_service.web.requests import kinds_of
from registry_service.web.streams.broadcast import Broadcast
from registry_service.web.streams.frames import MEDIA_TYPE
from registry_service.web.streams.reader import Reader
from registry_service.web.streams.stream import PAGE, EventStream, StreamAnswer, cursor_of

After = Annotated[str | None, QueryParameter(description="A cursor, `start` or `latest`.", max_length=100)]
OfModel = Annotated[
    str | None,
    QueryParameter(description="Of this model only, or of models of this pattern: `team-a.*`.", max_length=256),
]
OfStage = Annotated[
    str | None, QueryParameter(description="About this stage only: those whose data name it.", max_length=64)
]
Wait = Annotated[float, QueryParameter(description="Seconds to wait where there is nothing yet.", ge=0, le=60)]
Limit = Annotated[int, QueryParameter(description="How many at most.", ge=1, le=1000)]
ByConsumer = Annotated[
    str | None, QueryParameter(description="Read on from this consumer's cursor; instead of `after`.", max_length=64)
]
Heartbeat = Annotated[
    float, QueryParameter(description="Seconds without an event after which a comment comes.", ge=1, le=60)
]
Seconds = Annotated[
    float | None, QueryParameter(description="End after so many seconds; 0: after what there is.", ge=0, le=86_400)
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
        stage: FromQuery[OfStage] = None,
    ) -> Encoded[EventPage]:
        """Events after a cursor, as far as the caller may see them. The answer's `cursor` continues after the last
        event looked at, also where the caller may not see it."""

        wanted = _filter(kinds, model, stage)
        _check_beginning(after, consumer)
        page = await _read(caller, after=after, consumer=consumer, wanted=wanted, limit=limit)
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while not page.events and not caller.registry.closing and (remaining := deadline - clock()) > 0:
            await caller.registry.wait_for_events(cursor_of(page).seq, remaining)
            page = await _read(caller, after=page.cursor, consumer=None, wanted=wanted, limit=limit)
        return encoded(page)

    @get("/events/stream", action=Action.EVENT_READ, media_type=MEDIA_TYPE)
    async def stream_events(
        self,
        caller: NamedDependency[Caller],
        request: Request[Any, Any, Any],
        state: State,
        after: FromQuery[After] = None,
        kinds: FromQuery[Kinds] = None,
        model: FromQuery[OfModel] = None,
        consumer: FromQuery[ByConsumer] = None,
        stage: FromQuery[OfStage] = None,
        heartbeat: FromQuery[Heartbeat] = 15.0,
        seconds: FromQuery[Seconds] = None,
    ) -> Response[Any]:
        """Events as they happen, as Server-Sent Events: the `id` of each is a cursor, its `data` the event. Begins
        after `Last-Event-ID`, else `after`, else where the consumer is, else with what comes. A consumer's cursor stays
        where it is: move it once events are dealt with. Ends when the token or the permission does, when the reader is
        too slow, and when the service ends: connect again with the last id. One caller, and the service, have so many
        streams at most: one more is refused with status 429 (`too_many_streams`)."""

        wanted = _filter(kinds, model, stage)
        last = request.headers.get("last-event-id")
        if last:
            after, consumer = last, None
        elif after is None and consumer is None:
            after = "latest"
        _check_beginning(after, consumer)
        page, end = await caller.registry.view(
            caller.actor, queries.begin_stream, after=after, consumer=consumer, wanted=wanted, limit=PAGE
        )
        reader = Reader(caller.actor, wanted, heartbeat=heartbeat)
        broadcast: Broadcast = state.broadcast
        broadcast.enter(reader, end)
        return StreamAnswer(EventStream(reader, page, registry=caller.registry, broadcast=broadcast, seconds=seconds))

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


def _filter(kinds: str | None, model: str | None, stage: str | None) -> EventFilter:
    return EventFilter(kinds=kinds_of(kinds), model=model, stage=stage)


def _check_beginning(after: str | None, consumer: str | None) -> None:
    if after is not None and consumer is not None:
        raise InvalidInput("Give either after or consumer, not both.", field="after", source="query")


async def _read(
    caller: Caller, *, after: str | None, consumer: str | None, wanted: EventFilter, limit: int
) -> EventPage:
    return await caller.registry.view(
        caller.actor, queries.read_events, after=after, consumer=consumer, wanted=wanted, limit=limit
    )

"""What the caller follows, and what happened there."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import following as queries
from registry_service.domain.entities import Activity, Page, Subscription
from registry_service.domain.permissions import Action
from registry_service.domain.requests import Subscribe
from registry_service.domain.selectors import MAX_NUMBER
from registry_service.services import subscriptions as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller
from registry_service.web.parameters import Kinds, Since, Until
from registry_service.web.requests import kinds_of, moment_of

OfModel = Annotated[str | None, QueryParameter(description="What happened to this model.", max_length=256)]
OfVersion = Annotated[
    int | None, QueryParameter(description="What happened to this version of the model.", ge=1, le=MAX_NUMBER)
]
ByPerson = Annotated[str | None, QueryParameter(description="What this person or service did.", max_length=256)]
Subscribed = Annotated[
    bool,
    QueryParameter(
        description="What concerns the caller: models they subscribe to or own, comments that mention them."
    ),
]


class Following(Controller):
    path = "/"
    tags = ("following",)

    @get("/activity", action=Action.EVENT_READ)
    async def list_activity(
        self,
        caller: NamedDependency[Caller],
        page: NamedDependency[PageRequest],
        model: FromQuery[OfModel] = None,
        person: FromQuery[ByPerson] = None,
        subscribed: FromQuery[Subscribed] = False,
        kinds: FromQuery[Kinds] = None,
        since: FromQuery[Since] = None,
        until: FromQuery[Until] = None,
        version: FromQuery[OfVersion] = None,
    ) -> Encoded[Page[Activity]]:
        """What happened, the newest first, as far as the caller may see it, and why it concerns them."""
        return await caller.list(
            queries.list_activity,
            page,
            model=model,
            person=person,
            subscribed=subscribed,
            kinds=kinds_of(kinds),
            since=moment_of(since, "since"),
            until=moment_of(until, "until"),
            version=version,
        )

    @get("/subscriptions", action=Action.SUBSCRIPTION_OWN)
    async def list_subscriptions(
        self, caller: NamedDependency[Caller], page: NamedDependency[PageRequest]
    ) -> Encoded[Page[Subscription]]:
        """The caller's subscriptions."""
        return await caller.list(queries.list_subscriptions, page)

    @post("/subscriptions", action=Action.SUBSCRIPTION_OWN)
    async def subscribe(self, caller: NamedDependency[Caller], data: JSONBody[Subscribe]) -> Encoded[Subscription]:
        """Follow the models of a name or name pattern; for people."""
        return await caller.make(use_cases.subscribe, data)

    @delete("/subscriptions/{subscription:str}", action=Action.SUBSCRIPTION_OWN)
    async def unsubscribe(self, caller: NamedDependency[Caller], subscription: FromPath[str]) -> Response[None]:
        """End a subscription of the caller's."""
        return await caller.erase(use_cases.unsubscribe, subscription)

"""What keeps the registry healthy, in steps of bounded length that the caller drives."""

from __future__ import annotations

from litestar import Controller, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from registry_service.care.gc import collect_step
from registry_service.care.scrub import scrub_step
from registry_service.domain.entities import CollectionStep, ScrubStep
from registry_service.domain.permissions import Action
from registry_service.domain.requests import CollectGarbage, Scrub
from registry_service.web.answers import Encoded, encoded
from registry_service.web.caller import Caller


class Maintenance(Controller):
    path = "/maintenance"
    tags = ("maintenance",)

    # A step that is repeated does what is left of it: so no Idempotency-Key.

    @post("/gc", action=Action.MAINTENANCE_RUN, status_code=200)
    async def collect_garbage(
        self, caller: NamedDependency[Caller], data: JSONBody[CollectGarbage]
    ) -> Encoded[CollectionStep]:
        """One step of removing artifacts that no version and no open upload needs. Send the answer's `cursor` with the
        next step, until it is null."""
        return encoded(await collect_step(caller.registry, caller.actor, data))

    @post("/scrub", action=Action.MAINTENANCE_RUN, status_code=200)
    async def scrub(self, caller: NamedDependency[Caller], state: State, data: JSONBody[Scrub]) -> Encoded[ScrubStep]:
        """One step of reading all bytes again; what is damaged is set aside and told of in the log. Send the answer's
        `cursor` with the next step, until it is null. A step may end in the middle of an artifact; the next one goes on
        there."""
        return encoded(await scrub_step(caller.registry, caller.actor, data, state.unfinished))

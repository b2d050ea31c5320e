"""Writes an event of what was refused to somebody who has no right to it, behind the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from registry_service.domain.errors import RegistryError
from registry_service.domain.permissions import Actor
from registry_service.services.refused_acts import RefusedAct, RefusedActs, record_refused_act
from registry_service.services.registry import Registry
from registry_service.web.asgi import ASGIApp, Receive, Scope, Send

log = structlog.get_logger("registry")

REFUSED_ACT: Final = "refused_act"
"""Where the state of a request keeps what was refused in it."""


class NoteRefusals:
    """The application, and a look at what it refused."""

    def __init__(self, app: ASGIApp, *, registry: Registry, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._registry = registry
        self._clock = clock
        self._acts = RefusedActs()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        act = scope.get("state", {}).get(REFUSED_ACT)
        if act is not None:
            await self._note(scope["user"], act)

    async def _note(self, actor: Actor, act: RefusedAct) -> None:
        times = self._acts.times(actor.name, act, self._clock())
        if times is None:
            return
        try:
            await self._registry.write(actor, record_refused_act, None, act, times)
        except RegistryError as error:  # the caller has their answer, and the log of requests tells of it as well
            log.warning("refusal not recorded", actor=actor.name, action=act.action, code=act.code, error=error.code)

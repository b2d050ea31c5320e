"""The state changes in one transaction, and its events follow in the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection

from registry_service import app
from registry_service.services.event_log import append_events
from registry_service.services.registry import Registry
from registry_service.services.work import PendingEvent, Work
from tests.campaign.mutants import put

SHOWN_AT: Final = ("events.numbered", "events.appended")


class ForgetfulRegistry(Registry):
    async def write(self, actor: Any, use_case: Callable[..., Any], idempotency: Any, *args: Any, **kwargs: Any) -> Any:
        late: list[PendingEvent] = []

        def without_events(work: Work, *args: Any, **kwargs: Any) -> Any:
            result = use_case(work, *args, **kwargs)
            late.extend(work.events)
            work.events.clear()
            return result

        def only_events(connection: Connection) -> int | None:
            return append_events(Work(connection, actor, self._clock(), self.public_url, events=late))

        answered = await super().write(actor, without_events, idempotency, *args, **kwargs)
        await self.database.write(only_events)
        return answered


def plant() -> None:
    put(app, "Registry", ForgetfulRegistry)

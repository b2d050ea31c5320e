"""Whether a key was used already is looked up before the transaction of the effect, which replaces what it finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry_service import app
from registry_service.services import registry
from registry_service.services.idempotency import recall
from registry_service.services.registry import Registry, _answered
from registry_service.services.work import Work
from tests.campaign.mutants import put


class EarlyRegistry(Registry):
    async def write(self, actor: Any, use_case: Callable[..., Any], idempotency: Any, *args: Any, **kwargs: Any) -> Any:
        if idempotency is not None:

            def look(connection: Any) -> Any:
                return recall(Work(connection, actor, self._clock(), self.public_url), idempotency)

            stored = await self.database.write(look)
            if stored is not None:
                return _answered(stored, None, replayed=True)
        return await super().write(actor, use_case, idempotency, *args, **kwargs)


def plant() -> None:
    put(registry, "recall", lambda work, idempotency: None)
    put(app, "Registry", EarlyRegistry)

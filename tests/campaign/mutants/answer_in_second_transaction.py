"""What is answered under an Idempotency-Key is stored after its effect is committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from registry_service import app
from registry_service.services.idempotency import StoredAnswer, recall, remember
from registry_service.services.registry import Registry, _answered
from registry_service.services.work import Work
from tests.campaign.mutants import put

SHOWN_AT: Final = ("idempotency.before_answer", "idempotency.answer_stored")


class ForgetfulRegistry(Registry):
    async def write(self, actor: Any, use_case: Callable[..., Any], idempotency: Any, *args: Any, **kwargs: Any) -> Any:
        if idempotency is not None:
            stored = await self.database.write(lambda connection: self._recall(connection, actor, idempotency))
            if stored is not None:
                return _answered(stored, None, replayed=True)
        done: list[Work] = []

        def watched(work: Work, *args: Any, **kwargs: Any) -> Any:
            done.append(work)
            return use_case(work, *args, **kwargs)

        answered = await super().write(actor, watched, None, *args, **kwargs)
        if idempotency is not None:
            await self.database.write(lambda connection: self._remember(connection, actor, idempotency, done, answered))
        return answered

    def _recall(self, connection: Any, actor: Any, idempotency: Any) -> StoredAnswer | None:
        return recall(Work(connection, actor, self._clock(), self.public_url), idempotency)

    def _remember(self, connection: Any, actor: Any, idempotency: Any, done: list[Work], answered: Any) -> None:
        work = Work(connection, actor, self._clock(), self.public_url, authorized=done[-1].authorized)
        remember(work, idempotency, StoredAnswer(answered.body, answered.existed))


def plant() -> None:
    put(app, "Registry", ForgetfulRegistry)

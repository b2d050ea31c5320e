"""Is the process alive, and can it work? For probes, without a token; the answers hold nothing of anybody's."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from litestar import get
from litestar.datastructures import State

from registry_service.domain.entities import Health
from registry_service.domain.errors import RegistryError
from registry_service.services.registry import Registry
from registry_service.web.answers import Encoded
from registry_service.web.authentication import PUBLIC
from registry_service.web.release import RELEASE

log = structlog.get_logger("registry.health")

CHECK_SECONDS: Final = 5.0


@get("/health/live", action=PUBLIC, tags=["health"])
async def is_live() -> Encoded[Health]:
    """The process answers."""
    return _answer({})


@get("/health/ready", action=PUBLIC, tags=["health"])
async def is_ready(state: State) -> Encoded[Health]:
    """Database and artifact store work: read and written to just now."""

    registry: Registry = state.registry
    database, store = await asyncio.gather(
        asyncio.wait_for(registry.database.check(), CHECK_SECONDS),
        asyncio.wait_for(registry.store.check(), CHECK_SECONDS),
        return_exceptions=True,
    )
    components = {"database": _word(database), "store": _word(store)}
    state.metrics.note_store_error(components["store"])
    return _answer(components)


def _answer(components: dict[str, str]) -> Encoded[Health]:
    well = all(word == "ok" for word in components.values())
    health = Health(status="ok" if well else "unavailable", version=RELEASE, components=components)
    return Encoded(msgspec.json.encode(health), status=HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE)


def _word(outcome: object) -> str:
    if isinstance(outcome, RegistryError):
        return outcome.code
    if isinstance(outcome, TimeoutError):
        return "too_slow"
    if isinstance(outcome, BaseException):
        log.error("health check failed", exc_info=outcome)
        return "failed"
    return "ok"

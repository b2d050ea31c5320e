"""Counting what models take up, beside all else: a model when it has changed, a while later."""

from __future__ import annotations

import time
from typing import Final

from registry_service.db.queries.forgotten import count_stock_of, models_to_count
from registry_service.services.registry import SYSTEM, Registry
from registry_service.services.stock import keep_stock

MODELS_AT_ONCE: Final = 100
ROUND_SECONDS: Final = 1.0


async def take_stock(registry: Registry) -> int:
    """Count some of the models that have to be counted. Answers how many."""

    until = time.monotonic() + ROUND_SECONDS
    done = 0
    for model_id, revision in await registry.view(SYSTEM, models_to_count, MODELS_AT_ONCE):
        counted = await registry.view(SYSTEM, count_stock_of, model_id, revision)
        await registry.write(SYSTEM, keep_stock, None, counted)
        done += 1
        if time.monotonic() >= until:
            break
    return done

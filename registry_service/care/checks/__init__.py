"""Every invariant of the database and the store, in one table."""

from __future__ import annotations

from typing import Final

from registry_service.care.checks import (
    artifacts,
    cards,
    database,
    event_log,
    promotions,
    stages,
    surroundings,
    texts,
    versions,
)
from registry_service.care.findings import Check

CHECKS: Final[tuple[Check, ...]] = (
    *database.CHECKS,
    *versions.CHECKS,
    *cards.CHECKS,
    *texts.CHECKS,
    *artifacts.CHECKS,
    *stages.CHECKS,
    *promotions.CHECKS,
    *event_log.CHECKS,
    *surroundings.CHECKS,
)

"""A promotion becomes APPLIED in one transaction, and its stage moves in the next."""

from __future__ import annotations

from typing import Any, Final

from registry_service.db.sqlite_connection import driver_of
from registry_service.services import promotions
from registry_service.services.stage_pointer import point_stage
from registry_service.services.work import Work
from tests.campaign.mutants import put

SHOWN_AT: Final = ("stage.recorded", "stage.moved", "apply.done")


def _commit_and_point(work: Work, *args: Any, **kwargs: Any) -> None:
    driver = driver_of(work.connection)
    for statement in ("RELEASE command", "COMMIT", "BEGIN IMMEDIATE", "SAVEPOINT command"):
        driver.execute(statement)
    point_stage(work, *args, **kwargs)


def plant() -> None:
    put(promotions, "point_stage", _commit_and_point)

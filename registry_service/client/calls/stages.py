from __future__ import annotations

from datetime import datetime
from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Page, Promotion, Stage, StageRecord
from registry_service.domain.requests import ArrangeStages, ClearFailure, HoldStage, RollBack, VacateStage


def list_stages(model: str, **paging: Unpack[Paging]) -> Call[Page[Stage]]:
    return read(Page[Stage], "models", model, "stages", **paging)


def arrange_stages(
    model: str, body: ArrangeStages, *, revision: int, idempotency_key: str | None = None
) -> Call[Page[Stage]]:
    """Set the order of all stages. `revision` is the model's, as it was when the order was decided."""
    return write("PUT", Page[Stage], "models", model, "stages", body=body, revision=revision, key=idempotency_key)


def get_stage(model: str, stage: str, *, as_of: datetime | None = None) -> Call[Stage]:
    """What is current in the stage now, or was at `as_of`."""
    return read(Stage, "models", model, "stages", stage, as_of=as_of)


def stage_history(model: str, stage: str, **paging: Unpack[Paging]) -> Call[Page[StageRecord]]:
    """Everything that was current in the stage, newest first."""
    return read(Page[StageRecord], "models", model, "stages", stage, "history", **paging)


def hold_stage(model: str, stage: str, body: HoldStage, *, idempotency_key: str | None = None) -> Call[Stage]:
    """Let no promotion enter the stage for a while."""
    return write("POST", Stage, "models", model, "stages", stage, "hold", body=body, key=idempotency_key)


def release_stage(model: str, stage: str, *, idempotency_key: str | None = None) -> Call[Stage]:
    """End the hold."""
    return write("POST", Stage, "models", model, "stages", stage, "release", key=idempotency_key)


def vacate_stage(model: str, stage: str, body: VacateStage, *, idempotency_key: str | None = None) -> Call[Stage]:
    """Leave the stage without a version, where nothing good is left."""
    return write("POST", Stage, "models", model, "stages", stage, "vacate", body=body, key=idempotency_key)


def roll_back(model: str, stage: str, body: RollBack, *, idempotency_key: str | None = None) -> Call[Promotion]:
    """Bring back the version that was current before. Refused where what is to be undone is no longer current."""
    return write("POST", Promotion, "models", model, "stages", stage, "rollback", body=body, key=idempotency_key)


def clear_failure(model: str, stage: str, body: ClearFailure, *, idempotency_key: str | None = None) -> Call[Stage]:
    """Let a version that a rollback abandoned come back to the stage."""
    return write("POST", Stage, "models", model, "stages", stage, "clear-failure", body=body, key=idempotency_key)

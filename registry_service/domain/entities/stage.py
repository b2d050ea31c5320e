"""Stages and their history."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from registry_service.domain.entities.answer import Answer
from registry_service.domain.policies import PolicyPin


class Hold(Answer, frozen=True, kw_only=True):
    """Nothing enters the stage while this stands. `until` None: until somebody releases it."""

    reason: str
    by: str
    at: datetime
    until: datetime | None


class Stage(Answer, frozen=True, kw_only=True):
    """A protected pointer. `version` is None where the stage is vacant. `failed` are the versions with content that a
    rollback abandoned here, under whatever number; they come back only after the mark is cleared. `revision` is what
    `If-Match` takes."""

    model_name: str
    name: str
    position: int
    version: int | None
    digest: str | None
    promotion_id: str | None
    since: datetime | None
    hold: Hold | None
    failed: list[int]
    policies: list[PolicyPin]
    revision: int


class StageChange(StrEnum):
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    VACATED = "vacated"


class StageRecord(Answer, frozen=True, kw_only=True):
    """One entry of a stage's history: from `at` on, `version` was current (None: vacant)."""

    model_name: str
    stage: str
    change: StageChange
    version: int | None
    digest: str | None
    previous: int | None
    promotion_id: str | None
    by: str
    at: datetime
    reason: str
    revision: int

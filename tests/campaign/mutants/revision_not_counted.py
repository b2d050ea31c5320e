"""A run takes a lease, and the model's revision stays where it was."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from registry_service.db.tables import models
from registry_service.domain.events import EventKind
from registry_service.services import judging
from registry_service.services.changes import record_change
from registry_service.services.work import Work
from tests.campaign.mutants import put


def _record(work: Work, model: Any, kind: EventKind, *, subject: str | None = None, **data: object) -> int:
    if kind is not EventKind.PROMOTION_LEASED:
        return record_change(work, model, kind, subject=subject, **data)
    revision: int = work.connection.execute(select(models.c.revision).where(models.c.id == model.id)).scalar_one()
    work.record(kind, model_id=model.id, model_name=model.name, revision=revision, subject=subject, **data)
    return revision


def plant() -> None:
    put(judging, "record_change", _record)

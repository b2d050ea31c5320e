"""Moving a stage's pointer: the dangerous act, in one place. Who may do it, and when, is decided before."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, insert, update

from registry_service.db.tables import stage_history, stages
from registry_service.domain.entities import StageChange
from registry_service.domain.errors import Conflict
from registry_service.domain.events import EventKind
from registry_service.failpoints import reach
from registry_service.services.changes import record_change
from registry_service.services.work import Work


def point_stage(
    work: Work,
    model: Row[Any],
    stage: Row[Any],
    change: StageChange,
    *,
    number: int | None,
    digest: str | None,
    promotion: str | None,
    reason: str,
) -> None:
    """Point the stage (a row read under the model's lock) to a version, or to none; with history and event.

    :raises Conflict: it was moved since it was read. Below the lock that can't happen; the row itself holds it too.
    """

    revision = record_change(
        work,
        model,
        EventKind.STAGE_VACATED if change is StageChange.VACATED else EventKind.STAGE_MOVED,
        subject=stage.name,
        stage=stage.name,
        version=number,
        digest=digest,
        previous=stage.number,
        promotion=promotion,
        change=change,
        reason=reason,
    )
    reach("stage.recorded")
    moved = work.connection.execute(
        update(stages)
        .where(
            stages.c.model_id == model.id,
            stages.c.name == stage.name,
            stages.c.revision == stage.revision,
            stages.c.number.is_not_distinct_from(stage.number),
        )
        .values(number=number, promotion_id=promotion, since=work.now, revision=revision)
    )
    if moved.rowcount != 1:
        raise Conflict(f"'{stage.name}' of '{model.name}' was moved meanwhile. Read it again and decide anew.")
    reach("stage.moved")
    work.connection.execute(
        insert(stage_history).values(
            model_id=model.id,
            stage=stage.name,
            change=change,
            number=number,
            digest=digest,
            previous=stage.number,
            promotion_id=promotion,
            actor=work.actor.name,
            at=work.now,
            reason=reason,
            revision=revision,
        )
    )
    reach("stage.history_written")

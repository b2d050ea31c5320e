"""Moving a stage's pointer: the dangerous act, in one place. Who may do it, and when, is decided before."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, update

from registry_service.db.prepared import Prepared
from registry_service.db.tables import stage_history, stages
from registry_service.domain.entities import StageChange
from registry_service.domain.errors import Conflict
from registry_service.domain.events import EventKind
from registry_service.failpoints import reach
from registry_service.services.changes import record_change
from registry_service.services.work import Work

_POINT: Final = Prepared(
    update(stages)
    .where(
        stages.c.model_id == bindparam("model"),
        stages.c.name == bindparam("stage"),
        stages.c.revision == bindparam("seen"),
        stages.c.number.is_not_distinct_from(bindparam("seen_number")),
    )
    .values(
        number=bindparam("new_number"),
        promotion_id=bindparam("new_promotion"),
        since=bindparam("now"),
        revision=bindparam("new_revision"),
    )
)
_REMEMBER: Final = Prepared(
    insert(stage_history), columns=[column.name for column in stage_history.c if column.name != "id"]
)


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
    moved = _POINT.change(
        work.connection,
        model=model.id,
        stage=stage.name,
        seen=stage.revision,
        seen_number=stage.number,
        new_number=number,
        new_promotion=promotion,
        now=work.now,
        new_revision=revision,
    )
    if moved != 1:
        raise Conflict(f"'{stage.name}' of '{model.name}' was moved meanwhile. Read it again and decide anew.")
    reach("stage.moved")
    _REMEMBER.change(
        work.connection,
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
    reach("stage.history_written")

"""How a model was at a time. Tables that keep the present only are no help there: the one log tells what they held.

`as_of` is always an aware time; what happened at that very moment counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, FromClause, Row, ScalarSelect, Select, func, select

from registry_service.db.tables import events, stage_history
from registry_service.db.view import View
from registry_service.domain.entities import Hold
from registry_service.domain.events import EventKind
from registry_service.domain.stages import hold_is_active

_next: Final = stage_history.alias("next")


def _of_next(column: ColumnElement[Any]) -> ScalarSelect[Any]:
    return (
        select(column)
        .where(
            _next.c.model_id == stage_history.c.model_id,
            _next.c.stage == stage_history.c.stage,
            _next.c.id > stage_history.c.id,
        )
        .order_by(_next.c.id)
        .limit(1)
        .scalar_subquery()
    )


END_OF_SPELL: Final = _of_next(_next.c.at)
"""When a row of the history gave way to the one behind it; None where it still stands."""

END_RECORD: Final = _of_next(_next.c.id)
"""The id of the row of the history that a row gave way to; None where it still stands."""


def newest_record(stage: FromClause, at: ColumnElement[Any]) -> ScalarSelect[Any]:
    """The id of the row of the history that stood at a time, of a row of `stages`."""

    then = stage_history.alias("then")
    return (
        select(then.c.id)
        .where(then.c.model_id == stage.c.model_id, then.c.stage == stage.c.name, then.c.at <= at)
        .order_by(then.c.id.desc())
        .limit(1)
        .correlate(stage)
        .scalar_subquery()
    )


class _Arranged(msgspec.Struct):
    stages: list[str]


class _Held(msgspec.Struct):
    reason: str
    until: datetime | None = None


class _Moved(msgspec.Struct):
    version: int | None = None


def stages_at(view: View, model_id: str, as_of: datetime) -> list[str]:
    """The names of the model's stages, in their order; none before the model was made."""

    found = _last(view, _events(model_id, as_of, EventKind.MODEL_CREATED, EventKind.STAGE_ARRANGED))
    return [] if found is None else msgspec.convert(found.data, _Arranged).stages


def hold_at(view: View, model_id: str, stage: str, as_of: datetime) -> Hold | None:
    """The hold that kept promotions out of the stage."""

    of_stage = _events(model_id, as_of, EventKind.STAGE_HELD, EventKind.STAGE_RELEASED)
    found = _last(view, of_stage.where(events.c.subject == stage))
    if found is None or found.kind == EventKind.STAGE_RELEASED:
        return None
    told = msgspec.convert(found.data, _Held)
    hold = Hold(reason=told.reason, by=found.actor, at=found.at, until=told.until)
    return hold if hold_is_active(hold, as_of) else None


def record_at(view: View, model_id: str, stage: str, as_of: datetime) -> Row[Any] | None:
    """The row of the stage's history that stood; None where nothing had ever been current."""

    return view.connection.execute(
        select(stage_history)
        .where(stage_history.c.model_id == model_id, stage_history.c.stage == stage, stage_history.c.at <= as_of)
        .order_by(stage_history.c.id.desc())
        .limit(1)
    ).one_or_none()


def current_at(view: View, model_id: str, as_of: datetime) -> dict[str, int | None]:
    """By stage, in the order of stages: the version that was current."""

    last = (
        select(func.max(stage_history.c.id))
        .where(stage_history.c.model_id == model_id, stage_history.c.at <= as_of)
        .group_by(stage_history.c.stage)
    )
    found = view.connection.execute(
        select(stage_history.c.stage, stage_history.c.number).where(stage_history.c.id.in_(last))
    )
    numbers: dict[str, int | None] = {row.stage: row.number for row in found}
    return {stage: numbers.get(stage) for stage in stages_at(view, model_id, as_of)}


def aliases_at(view: View, model_id: str, as_of: datetime) -> dict[str, int]:
    """By name: the version that each alias pointed to."""

    last = (
        _events(model_id, as_of, EventKind.ALIAS_MOVED, EventKind.ALIAS_REMOVED)
        .with_only_columns(func.max(events.c.seq))
        .group_by(events.c.subject)
    )
    found = view.connection.execute(select(events).where(events.c.seq.in_(last)).order_by(events.c.subject))
    moved = {row.subject: msgspec.convert(row.data, _Moved).version for row in found}
    return {alias: number for alias, number in moved.items() if number is not None}


def revision_at(view: View, model_id: str, as_of: datetime, *, stage: str | None = None) -> int:
    """The revision of the model, or of one of its stages; 0 before there was one."""

    happened = select(func.max(events.c.revision)).where(events.c.model_id == model_id, events.c.at <= as_of)
    if stage is not None:
        whole = events.c.kind.in_([EventKind.MODEL_CREATED, EventKind.STAGE_ARRANGED])
        own = events.c.kind.startswith("stage.") & (events.c.subject == stage)
        happened = happened.where(whole | own)
    return view.connection.execute(happened).scalar_one() or 0


def _events(model_id: str, as_of: datetime, *kinds: EventKind) -> Select[Any]:
    return select(events).where(events.c.model_id == model_id, events.c.kind.in_(kinds), events.c.at <= as_of)


def _last(view: View, happened: Select[Any]) -> Row[Any] | None:
    return view.connection.execute(happened.order_by(events.c.seq.desc()).limit(1)).one_or_none()

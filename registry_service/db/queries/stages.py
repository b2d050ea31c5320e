"""Stages: what is current where, what was, and what holds it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, bindparam, exists, or_, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.queries.models import find_model
from registry_service.db.queries.past import hold_at, record_at, revision_at, stages_at
from registry_service.db.queries.policies import pins_for
from registry_service.db.query import one_of
from registry_service.db.tables import stage_failures, stage_history, stages, versions
from registry_service.db.types import UtcTimestamp
from registry_service.db.view import View
from registry_service.domain.entities import Hold, Page, Stage, StageChange, StageRecord
from registry_service.domain.errors import StageNotFound
from registry_service.domain.names import check_stage_name
from registry_service.domain.stages import StagePointer, hold_is_active

_BY_POSITION = Ordering(columns={"position": stages.c.position}, tie_breakers=[stages.c.name], default="position")
_HISTORY = Ordering(columns={"id": stage_history.c.id}, tie_breakers=[stage_history.c.id], default="id desc")
_BY_NAME: Final = Prepared(
    select(stages).where(stages.c.model_id == bindparam("model_id"), stages.c.name == bindparam("stage"))
)
_DIGEST: Final = Prepared(
    select(versions.c.digest).where(
        versions.c.model_id == bindparam("model_id"), versions.c.number == bindparam("number")
    )
)
_abandoned = versions.alias("abandoned")
# Content fails, not a number: the same bytes registered anew are as bad as they were.
_FAILURES: Final = (
    select(stage_failures.c.stage, versions.c.number)
    .join(
        _abandoned,
        (_abandoned.c.model_id == stage_failures.c.model_id) & (_abandoned.c.number == stage_failures.c.number),
    )
    .join(versions, (versions.c.model_id == _abandoned.c.model_id) & (versions.c.digest == _abandoned.c.digest))
    .where(stage_failures.c.model_id == bindparam("model_id"))
)
_FAILED: Final = Prepared(_FAILURES.where(stage_failures.c.cleared_at.is_(None)))
_THEN: Final = bindparam("as_of", type_=UtcTimestamp())
_FAILED_AT: Final = Prepared(
    _FAILURES.where(
        stage_failures.c.at <= _THEN,
        or_(stage_failures.c.cleared_at.is_(None), stage_failures.c.cleared_at > _THEN),
        versions.c.created_at <= _THEN,
    )
)


def marked_failed() -> ColumnElement[bool]:
    """Of a row of `versions`: its content is marked failed in the stage that parameter `stage` names. Asked from the
    version's side, it costs the same however many were rolled back and never cleared."""

    twin = versions.alias("twin")
    marked = exists().where(
        stage_failures.c.model_id == twin.c.model_id,
        stage_failures.c.stage == bindparam("stage"),
        stage_failures.c.number == twin.c.number,
        stage_failures.c.cleared_at.is_(None),
    )
    return exists().where(twin.c.model_id == versions.c.model_id, twin.c.digest == versions.c.digest, marked)


_FAILED_AMONG: Final = Prepared(
    select(versions.c.number).where(
        versions.c.model_id == bindparam("model_id"), one_of(versions.c.number, "numbers"), marked_failed()
    )
)


def find_stage(view: View, model: Row[Any], stage: str) -> Row[Any]:
    """:raises StageNotFound: the model has no such stage.
    :raises InvalidName: no stage can have this name.
    """

    check_stage_name(stage)
    row = _BY_NAME.row(view.connection, model_id=model.id, stage=stage)
    if row is None:
        known = view.connection.execute(
            select(stages.c.name).where(stages.c.model_id == model.id).order_by(stages.c.position)
        ).scalars()
        raise StageNotFound(
            f"'{model.name}' has no stage '{stage}'; it has: {', '.join(known)}.", model=model.name, stage=stage
        )
    return row


def get_stage(view: View, model: str, stage: str, *, as_of: datetime | None = None) -> Stage:
    """The stage now, or all of it as it was at a time.

    :raises StageNotFound: the model has no such stage, or had none then.
    :raises InvalidName: no stage can have this name.
    """

    found = find_model(view, model)
    if as_of is None:
        return describe_stages(view, found, [find_stage(view, found, stage)])[0]
    check_stage_name(stage)
    names = stages_at(view, found.id, as_of)
    if stage not in names:
        raise StageNotFound(
            f"'{model}' had no stage '{stage}' at {as_of.isoformat()}; it had: {', '.join(names) or 'none'}.",
            model=model,
            stage=stage,
        )
    record = record_at(view, found.id, stage, as_of)
    return Stage(
        model_name=found.name,
        name=stage,
        position=names.index(stage),
        version=record.number if record else None,
        digest=record.digest if record else None,
        promotion_id=record.promotion_id if record else None,
        since=record.at if record else None,
        hold=hold_at(view, found.id, stage, as_of),
        failed=failed_numbers(view, found.id, as_of=as_of)[stage],
        policies=pins_for(view, found.name, stage, as_of=as_of),
        revision=revision_at(view, found.id, as_of, stage=stage),
    )


def list_stages(view: View, model: str, page: PageRequest) -> Page[Stage]:
    refuse_filter(page)
    found = find_model(view, model)
    statement = select(stages).where(stages.c.model_id == found.id)
    return page_of(view.connection, statement, _BY_POSITION, page, lambda rows: describe_stages(view, found, rows))


def stage_history_of(view: View, model: str, stage: str, page: PageRequest) -> Page[StageRecord]:
    """All that was ever current here, the newest first."""

    refuse_filter(page)
    found = find_model(view, model)
    find_stage(view, found, stage)
    statement = select(stage_history).where(stage_history.c.model_id == found.id, stage_history.c.stage == stage)
    return page_of(
        view.connection, statement, _HISTORY, page, lambda rows: [describe_record(found.name, row) for row in rows]
    )


def newest_records(view: View, model_id: str, stage: str, count: int) -> Sequence[Row[Any]]:
    """The latest times that a version became current here, the newest first; vacancies between them don't count."""

    return view.connection.execute(
        select(stage_history)
        .where(
            stage_history.c.model_id == model_id,
            stage_history.c.stage == stage,
            stage_history.c.number.is_not(None),
        )
        .order_by(stage_history.c.id.desc())
        .limit(count)
    ).all()


def describe_record(model_name: str, row: Row[Any]) -> StageRecord:
    return StageRecord(
        model_name=model_name,
        stage=row.stage,
        change=StageChange(row.change),
        version=row.number,
        digest=row.digest,
        previous=row.previous,
        promotion_id=row.promotion_id,
        by=row.actor,
        at=row.at,
        reason=row.reason,
        revision=row.revision,
    )


def failed_among(view: View, model_id: str, stage: str, numbers: Sequence[int]) -> frozenset[int]:
    """Those of the versions whose content a rollback abandoned in the stage and nobody cleared since."""
    return frozenset(_FAILED_AMONG.values(view.connection, model_id=model_id, stage=stage, numbers=numbers))


def failed_numbers(view: View, model_id: str, *, as_of: datetime | None = None) -> dict[str, list[int]]:
    """By stage: all versions with the content that a rollback abandoned there and nobody cleared since. It grows with
    the model's past: to decide about some versions, ask for these (`failed_among`)."""

    found: dict[str, set[int]] = defaultdict(set)
    if as_of is None:
        rows = _FAILED.rows(view.connection, model_id=model_id)
    else:
        rows = _FAILED_AT.rows(view.connection, model_id=model_id, as_of=as_of)
    for row in rows:
        found[row.stage].add(row.number)
    return defaultdict(list, {stage: sorted(numbers) for stage, numbers in found.items()})


def hold_of(row: Row[Any]) -> Hold | None:
    """The hold that a row of `stages` records, whether or not its time is over."""

    if row.hold_at is None:
        return None
    return Hold(reason=row.hold_reason, by=row.hold_by, at=row.hold_at, until=row.hold_until)


def pointer_of(view: View, row: Row[Any]) -> StagePointer:
    """Where the stage of this row points."""

    at = {"model_id": row.model_id, "number": row.number}
    return StagePointer(
        stage=row.name,
        version=row.number,
        digest=None if row.number is None else _DIGEST.value(view.connection, **at),
        promotion_id=row.promotion_id,
    )


def describe_stages(view: View, model: Row[Any], rows: Sequence[Row[Any]]) -> list[Stage]:
    digests = dict(
        view.connection.execute(
            select(versions.c.number, versions.c.digest).where(
                versions.c.model_id == model.id,
                versions.c.number.in_([row.number for row in rows if row.number is not None]),
            )
        ).all()
    )
    failed = failed_numbers(view, model.id)
    described = []
    for row in rows:
        hold = hold_of(row)
        described.append(
            Stage(
                model_name=model.name,
                name=row.name,
                position=row.position,
                version=row.number,
                digest=digests.get(row.number),
                promotion_id=row.promotion_id,
                since=row.since,
                hold=hold if hold_is_active(hold, view.now) else None,
                failed=failed[row.name],
                policies=pins_for(view, model.name, row.name),
                revision=row.revision,
            )
        )
    return described

"""Arranging, holding, vacating stages, and clearing failures."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, insert, select, update

from registry_service.db.paging import PageRequest
from registry_service.db.queries.models import find_model
from registry_service.db.queries.revoked import revocation_of
from registry_service.db.queries.stages import describe_stages, find_stage, get_stage, list_stages, pointer_of
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import aliases, promotions, stage_failures, stage_history, stages, versions
from registry_service.domain.entities import Page, Stage, StageChange
from registry_service.domain.errors import (
    NoRollbackTarget,
    NothingToRollBack,
    RevisionRequired,
    VersionNotFound,
)
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action
from registry_service.domain.protection import keeps_protection
from registry_service.domain.requests import ArrangeStages, ClearFailure, HoldStage, VacateStage
from registry_service.domain.stages import MAX_STAGES, StagePointer, check_arrange, check_vacate
from registry_service.services.changes import check_revision, record_change
from registry_service.services.holds import check_may_end, hold, release
from registry_service.services.judging import judge
from registry_service.services.rollback import plan_rollback
from registry_service.services.stage_pointer import point_stage
from registry_service.services.texts import check_reason
from registry_service.services.work import Work


def arrange_stages(work: Work, model: str, body: ArrangeStages, *, if_match: int | None = None) -> Page[Stage]:
    """Make the model's stages these, in this order.

    :raises RevisionRequired, RevisionMismatch: the caller must say which revision of the model they saw.
    :raises NotPermitted, PersonRequired: another stage would take over targets from one that was behind it, or the
        last, which is for those who may write policies.
    """

    found = find_model(work, model, Action.STAGE_ARRANGE, lock=True)
    if if_match is None:
        raise RevisionRequired(
            f"Say with If-Match which revision of '{model}' you saw; it is at {found.revision}.", present=found.revision
        )
    check_revision(f"'{model}'", found.revision, if_match)
    rows = list(work.connection.execute(select(stages).where(stages.c.model_id == found.id)))
    described = describe_stages(work, found, rows)
    if not keeps_protection([row.name for row in sorted(rows, key=lambda row: row.position)], body.stages):
        work.authorize(Action.POLICY_WRITE, None)
    check_arrange(described, body.stages, used=_used(work, found), aliases=_aliases(work, found))
    existing = {row.name for row in rows}
    revision = record_change(work, found, EventKind.STAGE_ARRANGED, stages=body.stages)
    for position, name in enumerate(body.stages):
        if name in existing:
            values = {"position": position, "revision": revision}
            work.connection.execute(update(stages).where(_is(found, name)).values(**values))
        else:
            work.connection.execute(
                insert(stages).values(model_id=found.id, name=name, position=position, revision=revision)
            )
    for name in existing - set(body.stages):
        work.connection.execute(delete(stages).where(_is(found, name)))
    return list_stages(work, model, PageRequest(limit=MAX_STAGES))


def hold_stage(work: Work, model: str, stage: str, body: HoldStage) -> Stage:
    """Let no promotion enter, until somebody releases the stage or the time is over. A rollback may still leave.

    :raises NotPermitted: a hold stands that the actor may not end.
    """

    found = find_model(work, model, Action.STAGE_HOLD, lock=True)
    check_may_end(work, found, find_stage(work, found, stage))
    hold(work, found, stage, body)
    return get_stage(work, model, stage)


def release_stage(work: Work, model: str, stage: str) -> Stage:
    """End the hold. Where there is none, nothing happens.

    :raises NotPermitted: the hold isn't the actor's to end.
    """

    found = find_model(work, model, Action.STAGE_HOLD, lock=True)
    row = find_stage(work, found, stage)
    if row.hold_at is None:
        work.existed = True
    else:
        check_may_end(work, found, row)
        release(work, found, stage, f"released by {work.actor.name}")
    return get_stage(work, model, stage)


def clear_failure(work: Work, model: str, stage: str, body: ClearFailure) -> Stage:
    """Take the mark from what a rollback abandoned here: a person says that this content may come back, under whatever
    number.

    :raises VersionNotFound: the version isn't marked here.
    """

    found = find_model(work, model, Action.STAGE_CLEAR_FAILURE, lock=True)
    find_stage(work, found, stage)
    check_reason(body.reason, "Say why the failure no longer counts.")
    digest = find_version(work, found, str(body.version)).digest
    same = select(versions.c.number).where(versions.c.model_id == found.id, versions.c.digest == digest)
    cleared = work.connection.execute(
        update(stage_failures)
        .where(
            stage_failures.c.model_id == found.id,
            stage_failures.c.stage == stage,
            stage_failures.c.number.in_(same),
            stage_failures.c.cleared_at.is_(None),
        )
        .values(cleared_at=work.now, cleared_by=work.actor.name, cleared_reason=body.reason)
    )
    if not cleared.rowcount:
        raise VersionNotFound(
            f"Version {body.version} is not marked failed in '{stage}' of '{model}'.", version=body.version
        )
    revision = record_change(
        work,
        found,
        EventKind.STAGE_FAILURE_CLEARED,
        subject=stage,
        stage=stage,
        version=body.version,
        reason=body.reason,
    )
    work.connection.execute(update(stages).where(_is(found, stage)).values(revision=revision))
    judge(work, found, stage=stage)
    return get_stage(work, model, stage)


def vacate_stage(work: Work, model: str, stage: str, body: VacateStage) -> Stage:
    """Empty the stage: `@stage` answers that nothing is current.

    :raises NothingToRollBack: another version is current by now.
    :raises NotPermitted: what is current in an archived model is still good, and the actor may not delete the model.
        Into the empty stage comes what could not come in over it, once somebody takes the model from the archive.
    :raises Conflict: there is a better way, which the message names.
    """

    found = find_model(work, model, Action.STAGE_VACATE, lock=True)
    row = find_stage(work, found, stage)
    check_reason(body.reason, "Say why the stage is vacated.")
    pointer = pointer_of(work, row)
    revoked = pointer.digest is not None and revocation_of(work, found.id, pointer.digest) is not None
    check_vacate(
        pointer,
        body.from_version,
        is_revoked=revoked,
        good_target=_good_target(work, found, pointer),
        is_archived=found.archived,
    )
    if not revoked:
        work.authorize(Action.MODEL_DELETE, model)
    point_stage(work, found, row, StageChange.VACATED, number=None, digest=None, promotion=None, reason=body.reason)
    judge(work, found)
    return get_stage(work, model, stage)


def _good_target(work: Work, model: Row[Any], pointer: StagePointer) -> int | None:
    """Where a rollback would lead, if anywhere."""

    if pointer.version is None:
        return None
    try:
        return plan_rollback(work, model, pointer, from_version=pointer.version).to_version
    except (NoRollbackTarget, NothingToRollBack):
        return None


def _used(work: Work, model: Row[Any]) -> set[str]:
    """Stages that something remembers: those of a history or of a promotion."""

    remembered = exists().where(
        stage_history.c.model_id == stages.c.model_id, stage_history.c.stage == stages.c.name
    ) | exists().where(promotions.c.model_id == stages.c.model_id, promotions.c.stage == stages.c.name)
    return set(
        work.connection.execute(select(stages.c.name).where(stages.c.model_id == model.id, remembered)).scalars()
    )


def _aliases(work: Work, model: Row[Any]) -> set[str]:
    return set(work.connection.execute(select(aliases.c.name).where(aliases.c.model_id == model.id)).scalars())


def _is(model: Row[Any], stage: str) -> ColumnElement[bool]:
    return and_(stages.c.model_id == model.id, stages.c.name == stage)

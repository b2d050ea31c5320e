"""Holds: nothing enters a stage while one stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, update

from registry_service.db.queries.principals import find_principal, grants_of
from registry_service.db.queries.stages import hold_of
from registry_service.db.tables import stages
from registry_service.domain.entities import PrincipalKind
from registry_service.domain.errors import InvalidInput, NotPermitted
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action, Actor, Role, Scope, may_end_hold
from registry_service.domain.requests import HoldStage
from registry_service.domain.stages import hold_is_active
from registry_service.failpoints import reach
from registry_service.services.changes import record_change
from registry_service.services.texts import check_reason
from registry_service.services.work import Work

# Later times can't be told in every zone.
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)


def may_end(work: Work, model: Row[Any], stage: Row[Any]) -> bool:
    """Whether the actor may release or replace the hold on the stage, if one stands."""

    standing = hold_of(stage)
    if standing is None or not hold_is_active(standing, work.now):
        return True
    principal = find_principal(work, standing.by)
    granted = () if principal.disabled else grants_of(work, [standing.by])[standing.by]
    maker = Actor(
        name=standing.by,
        is_person=principal.kind == PrincipalKind.PERSON,
        grants=tuple(Scope(Role(grant.role), grant.pattern) for grant in granted),
    )
    return may_end_hold(work.actor, maker, model.name)


def check_may_end(work: Work, model: Row[Any], stage: Row[Any]) -> None:
    """:raises NotPermitted: somebody else holds the stage, whose hold isn't the actor's to end."""

    if not may_end(work, model, stage):
        raise NotPermitted(
            f"'{stage.hold_by}' holds '{stage.name}', and '{work.actor.name}' may end no hold of theirs. Ask them to"
            " release it, or somebody who may do as much as they on this model.",
            action=Action.STAGE_RELEASE,
            held_by=stage.hold_by,
        )


def hold(work: Work, model: Row[Any], stage: str, body: HoldStage) -> None:
    """Write a hold on a stage of the locked model. It takes the place of an earlier one, which the caller has seen to.

    :raises InvalidInput: it doesn't say why, or ends before it begins.
    """

    check_reason(body.reason, "Say why the stage is held.")
    if body.until is not None and (body.until.utcoffset() is None or not work.now < body.until < LATEST):
        raise InvalidInput("`until` is no time to come, with its time zone. Name one, or leave it out.", field="until")
    revision = record_change(
        work, model, EventKind.STAGE_HELD, subject=stage, stage=stage, reason=body.reason, until=body.until
    )
    reach("hold.recorded")
    work.connection.execute(
        update(stages)
        .where(stages.c.model_id == model.id, stages.c.name == stage)
        .values(
            hold_reason=body.reason,
            hold_by=work.actor.name,
            hold_at=work.now,
            hold_until=body.until,
            revision=revision,
        )
    )
    reach("hold.written")


def release(work: Work, model: Row[Any], stage: str, why: str) -> None:
    """Take the hold from a stage of the locked model."""

    revision = record_change(work, model, EventKind.STAGE_RELEASED, subject=stage, stage=stage, reason=why)
    work.connection.execute(
        update(stages)
        .where(stages.c.model_id == model.id, stages.c.name == stage)
        .values(hold_reason=None, hold_by=None, hold_at=None, hold_until=None, revision=revision)
    )
    reach("hold.ended")

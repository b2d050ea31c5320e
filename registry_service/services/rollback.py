"""Going back: one call, one transaction, bound to what it undoes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, insert

from registry_service.db.queries.models import find_model
from registry_service.db.queries.policies import pins_for, terms_of
from registry_service.db.queries.promotions import find_promotion, get_promotion, open_promotions
from registry_service.db.queries.revoked import revoked_among
from registry_service.db.queries.stages import describe_record, failed_among, find_stage, newest_records, pointer_of
from registry_service.db.queries.versions import deleted_among, find_version
from registry_service.db.tables import promotions, stage_failures
from registry_service.db.view import View
from registry_service.domain.entities import Promotion, StageChange
from registry_service.domain.errors import NotPermitted
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action, Scope, has_role
from registry_service.domain.policy_sets import Terms
from registry_service.domain.promotions import Move, Phase, PromotionKind
from registry_service.domain.requests import HoldStage, RollBack
from registry_service.domain.stages import RollbackPlan, StagePointer, rollback_plan
from registry_service.failpoints import reach
from registry_service.services.changes import record_change
from registry_service.services.holds import hold, may_end
from registry_service.services.ids import new_id
from registry_service.services.judging import perform
from registry_service.services.promotions import apply_to_stage
from registry_service.services.texts import check_people, check_reason
from registry_service.services.work import Work


def roll_back(work: Work, model: str, stage: str, body: RollBack) -> Promotion:
    """Make the last good version current again, mark the abandoned one as failed here, and hold the stage if asked; a
    hold that stands and isn't the actor's to replace stays as it is, which is no reason not to go back.

    A run that is deploying to the stage loses its lease: what it deploys was approved over a version that is gone.

    :raises NothingToRollBack: what is to be undone isn't current; nothing was changed.
    :raises NoRollbackTarget: no earlier version is still good.
    :raises NotPermitted: the policy leaves going back to others.
    """

    found = find_model(work, model, Action.PROMOTION_ROLLBACK, lock=True)
    row = find_stage(work, found, stage)
    check_reason(body.reason, "Say why it is rolled back.")
    check_people(body.people)
    _check_role(work, model, stage)
    to = None if body.to is None else find_version(work, found, body.to).number
    pointer = pointer_of(work, row)
    plan = plan_rollback(work, found, pointer, from_version=body.from_version, promotion=body.promotion, to=to)
    reach("rollback.planned")
    promotion = _insert(work, found, stage, plan, body)
    reach("rollback.requested")
    _mark_failed(work, found, stage, plan, body.reason)
    reach("rollback.failure_marked")
    _end_deploying(work, found, stage)
    perform(work, found, promotion, Move.APPROVE, f"version {plan.to_version} was approved when it first came")
    apply_to_stage(work, found, find_promotion(work, promotion.id), StageChange.ROLLED_BACK, body.reason)
    reach("rollback.applied")
    if body.hold is not None and may_end(work, found, row):
        hold(work, found, stage, HoldStage(reason=body.hold.reason, until=body.hold.until))
    return get_promotion(work, promotion.id)


def plan_rollback(
    view: View,
    model: Row[Any],
    pointer: StagePointer,
    *,
    from_version: int | None = None,
    promotion: str | None = None,
    to: int | None = None,
) -> RollbackPlan:
    """Where going back leads, on the facts of this moment. Nothing is changed.

    :raises NothingToRollBack, NoRollbackTarget, VersionRevoked, InvalidInput: as `stages.rollback_plan`.
    """

    within = _terms(view, model.name, pointer.stage).rollback_within
    # The plan looks at so many promotions before the current one; vacancies between them don't count.
    newest = newest_records(view, model.id, pointer.stage, within + 1)
    numbers = [record.number for record in newest] + ([] if to is None else [to])
    return rollback_plan(
        pointer,
        [describe_record(model.name, record) for record in newest],
        failed=failed_among(view, model.id, pointer.stage, numbers),
        revoked=revoked_among(view, model.id, numbers),
        # What the way back needs isn't deleted; but the way may be longer by now, as another policy holds.
        deleted=deleted_among(view, model.id, numbers),
        within=within,
        from_version=from_version,
        promotion=promotion,
        to=to,
    )


def _terms(view: View, model_name: str, stage: str) -> Terms:
    return terms_of(view, pins_for(view, model_name, stage))


def _check_role(work: Work, model_name: str, stage: str) -> None:
    role = _terms(work, model_name, stage).rollback_role
    token = work.actor.token_role
    narrowed = token is not None and not has_role((Scope(token, "*"),), role, model_name)
    if narrowed or not has_role(work.actor.grants, role, model_name):
        raise NotPermitted(
            f"The policy of '{stage}' leaves rolling back to those who are {role}. Ask one of them, or use a wider"
            " token.",
            role=role,
        )


def _insert(work: Work, model: Row[Any], stage: str, plan: RollbackPlan, body: RollBack) -> Row[Any]:
    promotion_id = new_id()
    lasts = _terms(work, model.name, stage).request_expires_after
    _end_open_requests(work, model, stage, plan)
    revision = record_change(
        work,
        model,
        EventKind.PROMOTION_ROLLED_BACK,
        subject=promotion_id,
        stage=stage,
        version=plan.to_version,
        digest=plan.digest,
        phase=Phase.PENDING,
        from_version=plan.from_version,
        undoes=plan.undoes,
        reason=body.reason,
    )
    work.connection.execute(
        insert(promotions).values(
            id=promotion_id,
            kind=PromotionKind.ROLLBACK,
            model_id=model.id,
            number=plan.to_version,
            digest=plan.digest,
            stage=stage,
            phase=Phase.PENDING,
            policies=pins_for(work, model.name, stage),
            reason=body.reason,
            people=sorted(set(body.people)),
            requested_by=work.actor.name,
            requested_at=work.now,
            expires_at=work.now + lasts,
            deadline_at=work.now + lasts,
            timed=False,
            replaces=plan.from_version,
            undoes=plan.undoes,
            revision=revision,
        )
    )
    return find_promotion(work, promotion_id)


def _end_open_requests(work: Work, model: Row[Any], stage: str, plan: RollbackPlan) -> None:
    """An open request for what is restored is fulfilled by the rollback; one digest is asked for once."""

    for row in open_promotions(work, model.id, stage=stage):
        if row.digest == plan.digest:
            perform(work, model, row, Move.CANCEL, f"version {plan.to_version} came back by a rollback")


def _end_deploying(work: Work, model: Row[Any], stage: str) -> None:
    for row in open_promotions(work, model.id, stage=stage):
        if row.phase == Phase.APPLYING:
            perform(work, model, row, Move.RELEASE, f"'{stage}' was rolled back while this was being deployed")


def _mark_failed(work: Work, model: Row[Any], stage: str, plan: RollbackPlan, reason: str) -> None:
    work.connection.execute(
        insert(stage_failures).values(
            model_id=model.id,
            stage=stage,
            number=plan.from_version,
            promotion_id=plan.undoes,
            reason=reason,
            actor=work.actor.name,
            at=work.now,
        )
    )

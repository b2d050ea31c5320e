"""Letting the facts move promotions, and making the moves: the only place that writes a phase."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import Any, Final

import msgspec
from sqlalchemy import Row, bindparam, select, update

from registry_service.db.prepared import Prepared
from registry_service.db.queries.facts import FactSource
from registry_service.db.queries.models import find_model
from registry_service.db.queries.policies import terms_of
from registry_service.db.queries.promotions import open_promotions
from registry_service.db.queries.sight import name_matches
from registry_service.db.tables import deployments, models, promotions, reviews
from registry_service.domain.approvals import next_move
from registry_service.domain.decisions import Decision, ReasonCode
from registry_service.domain.entities.deployment import ACTIVE_STATUSES
from registry_service.domain.errors import (
    IllegalMove,
    LeaseHeld,
    NotApproved,
    OlderThanCurrent,
    RegistryError,
    StageHeld,
    VersionRevoked,
)
from registry_service.domain.events import EventKind
from registry_service.domain.names import fold
from registry_service.domain.permissions import Action
from registry_service.domain.policies import PolicyPin
from registry_service.domain.promotions import OPEN_PHASES, Move, Phase, move
from registry_service.services.changes import record_change
from registry_service.services.work import Work

EVENT_OF: Final = MappingProxyType(
    {
        Move.APPROVE: EventKind.PROMOTION_APPROVED,
        Move.UNAPPROVE: EventKind.PROMOTION_UNAPPROVED,
        Move.LEASE: EventKind.PROMOTION_LEASED,
        Move.RELEASE: EventKind.PROMOTION_LEASE_RELEASED,
        Move.APPLY: EventKind.PROMOTION_APPLIED,
        Move.FAIL: EventKind.PROMOTION_FAILED,
        Move.REJECT: EventKind.PROMOTION_REJECTED,
        Move.CANCEL: EventKind.PROMOTION_CANCELLED,
        Move.EXPIRE: EventKind.PROMOTION_EXPIRED,
        Move.STALE: EventKind.PROMOTION_STALE,
        Move.SUPERSEDE: EventKind.PROMOTION_SUPERSEDED,
    }
)

# Where one reason alone is in the way, the refusal is named after it.
REFUSALS: Final = MappingProxyType(
    {
        ReasonCode.STAGE_HELD: StageHeld,
        ReasonCode.LEASE_HELD: LeaseHeld,
        ReasonCode.VERSION_REVOKED: VersionRevoked,
        ReasonCode.OLDER_THAN_CURRENT: OlderThanCurrent,
    }
)


_RUNNING: Final = Prepared(
    select(deployments).where(
        deployments.c.promotion_id == bindparam("promotion"),
        deployments.c.status.in_(ACTIVE_STATUSES),
    )
)


@cache
def _moved(names: frozenset[str]) -> Prepared:
    """The statement of a move that sets these columns besides phase and revision: a handful of sets in all."""

    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in sorted(names | {"phase", "revision"})}
    return Prepared(
        update(promotions)
        .where(promotions.c.id == bindparam("promotion"), promotions.c.phase == bindparam("before"))
        .values(**values)
    )


def judge(
    work: Work,
    model: Row[Any],
    *,
    stage: str | None = None,
    number: int | None = None,
    source: FactSource | None = None,
) -> FactSource:
    """Move the model's open promotions (those to a stage, or of a version) to where the facts of this moment put them,
    and again until nothing moves: one that closes may be what another waited for.

    The model must be locked. `source`: facts that were read under this lock and still hold. Answers the facts as they
    are after the last move; good until something else is written.
    """

    source = source or FactSource(work)
    while True:
        moved = False
        for row in open_promotions(work, model.id, stage=stage, number=number):
            step = next_move(source.facts_of(row), work.now)
            if step is not None:
                perform(work, model, row, *step)
                source = source.behind_moves()
                moved = True
        if not moved:
            return source


def perform(work: Work, model: Row[Any], row: Row[Any], by: Move, why: str, **values: object) -> None:
    """Make one move of the table, with its event. The row must be fresh: its phase is compared and set.

    :raises IllegalMove, PromotionFinal: the phase doesn't know the move.
    """

    phase = move(Phase(row.phase), by)
    match by:
        case Move.APPROVE:
            pins = msgspec.convert(row.policies, list[PolicyPin])
            lasts = terms_of(work, pins).approval_expires_after
            values |= {"approved_at": work.now, "deadline_at": work.now + lasts, "card_revision": model.card_revision}
        case Move.UNAPPROVE:
            values |= {"approved_at": None, "deadline_at": row.expires_at, "card_revision": None}
    if by is not Move.LEASE:
        values |= {"lease_holder": None, "lease_acquired_at": None, "lease_expires_at": None}
    if phase.is_final and phase is not Phase.APPLIED:
        values |= {"closed_reason": why, "closed_by": work.actor.name, "closed_at": work.now}
    revision = record_change(
        work,
        model,
        EVENT_OF[by],
        subject=row.id,
        stage=row.stage,
        version=row.number,
        digest=row.digest,
        phase=phase,
        reason=why,
        holder=values.get("lease_holder") or row.lease_holder,
    )
    done = _moved(frozenset(values)).change(
        work.connection,
        promotion=row.id,
        before=row.phase,
        **{f"new_{name}": value for name, value in values.items()},
        new_phase=phase,
        new_revision=revision,
    )
    if done != 1:
        raise IllegalMove(f"Promotion '{row.id}' is no longer {row.phase}. Read it again and decide anew.")
    if phase.is_final and phase is not Phase.APPLIED:
        _tell_what_runs_without_leave(work, model, row, phase)


def _tell_what_runs_without_leave(work: Work, model: Row[Any], row: Row[Any], phase: Phase) -> None:
    """What was deployed for a promotion that now ended runs on, until somebody stops it: an event says so."""

    for deployment in _RUNNING.rows(work.connection, promotion=row.id):
        revision = record_change(
            work,
            model,
            EventKind.DEPLOYMENT_DRIFTED,
            subject=deployment.id,
            stage=deployment.stage,
            version=deployment.number,
            digest=deployment.digest,
            observed_digest=deployment.observed_digest,
            target=deployment.target,
            reason=f"promotion {row.id} is {phase}",
        )
        work.connection.execute(update(deployments).where(deployments.c.id == deployment.id).values(revision=revision))


def refusal(row: Row[Any], decision: Decision) -> RegistryError:
    """Why a promotion may not go ahead, as an error that carries the whole decision."""

    codes = {reason.code for reason in decision.reasons}
    kind = REFUSALS.get(ReasonCode(next(iter(codes))), NotApproved) if len(codes) == 1 else NotApproved
    why = " ".join(reason.message for reason in decision.reasons)
    return kind(
        f"Version {row.number} may not enter '{row.stage}' now. {why}",
        promotion=row.id,
        decision=msgspec.to_builtins(decision),
    )


def stale_promotions_of(work: Work, model: Row[Any], why: str, *, number: int | None = None) -> None:
    """Close the open promotions (those of a version) of the locked model: what was asked for is no longer as it was."""

    for row in open_promotions(work, model.id, number=number):
        perform(work, model, row, Move.STALE, why)
    judge(work, model)


def judge_reviewed(work: Work) -> None:
    """Judge each model that has an open, reviewed promotion: who people are, what they may and whose work it is has
    changed, and with it whose reviews count."""

    concerned = (
        select(models.c.name)
        .join(promotions, promotions.c.model_id == models.c.id)
        .join(reviews, reviews.c.promotion_id == promotions.c.id)
        .where(promotions.c.phase.in_(OPEN_PHASES), reviews.c.withdrawn_at.is_(None), models.c.deleted_at.is_(None))
        .distinct()
        .order_by(models.c.name)
    )
    for name in list(work.connection.execute(concerned).scalars()):
        judge(work, find_model(work, name, Action.PRINCIPAL_WRITE, lock=True))


def stale_promotions_under(
    work: Work, why: str, *, policy: str | None = None, model_pattern: str = "*", stage: str = "*"
) -> list[str]:
    """Close the open promotions that a policy was pinned for, or those to the stages that it now holds for: whatever
    the case of their names, as policies hold. Answers their ids."""

    concerned = (
        select(models.c.name)
        .join(promotions, promotions.c.model_id == models.c.id)
        .where(promotions.c.phase.in_(OPEN_PHASES), models.c.deleted_at.is_(None))
        .where(name_matches(work, models.c.name_fold, fold(model_pattern)))
        .distinct()
        .order_by(models.c.name)
    )
    stale = []
    for name in list(work.connection.execute(concerned).scalars()):
        model = find_model(work, name, Action.POLICY_WRITE, lock=True)
        for row in open_promotions(work, model.id):
            if stage != "*" and fold(row.stage) != fold(stage):
                continue
            pins = {pin.name for pin in msgspec.convert(row.policies, list[PolicyPin])}
            if policy is None or policy in pins:
                perform(work, model, row, Move.STALE, why)
                stale.append(row.id)
        judge(work, model)
    return stale

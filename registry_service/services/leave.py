"""What gives leave to deploy a version somewhere, and what keeps it out."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, and_, select

from registry_service.db.queries.facts import FactSource
from registry_service.db.queries.promotions import open_promotions
from registry_service.db.queries.stages import find_stage
from registry_service.db.tables import deployments, stages
from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Outcome
from registry_service.domain.entities import DeploymentRole
from registry_service.domain.entities.deployment import ACTIVE_STATUSES
from registry_service.domain.errors import NotApproved, RegistryError
from registry_service.domain.promotions import Phase
from registry_service.domain.protection import protecting_stages
from registry_service.domain.requests import StartDeployment
from registry_service.services.judging import refusal
from registry_service.services.work import Work

_LEFT: Final = and_(
    deployments.c.ended_at.is_not(None),
    deployments.c.released_at.is_(None),
    deployments.c.role != DeploymentRole.SHADOW,
)
"""Of deployments whose stage protects their target after their end."""


def check_leave(work: Work, promotion: Row[Any]) -> None:
    """That the promotion gives leave to deploy: it is current, or could be applied now by whoever holds its lease. The
    phase alone is not trusted.

    :raises RegistryError: it doesn't; which one says why.
    """

    if promotion.phase == Phase.APPLIED and promotion.is_current:
        return
    decision = decide(FactSource(work).facts_of(promotion), work.now, holder=promotion.lease_holder)
    if decision.outcome is not Outcome.APPLICABLE:
        raise refusal(promotion, decision)


def check_stage_allows(work: Work, model: Row[Any], version: Row[Any], stage: Row[Any]) -> str | None:
    """The request that gives leave; None: the version is current.

    :raises NotApproved: the version is neither current in the stage nor asked for there.
    :raises RegistryError: it is asked for, and may not go there now.
    """

    if stage.number == version.number:
        return None
    asked = open_promotions(work, model.id, stage=stage.name, number=version.number)
    if not asked:
        raise NotApproved(
            f"Version {version.number} is neither current in '{stage.name}' nor approved for it. Request its"
            " promotion.",
            version=version.number,
            stage=stage.name,
        )
    check_leave(work, asked[0])
    return str(asked[0].id)


def check_protection(work: Work, model: Row[Any], version: Row[Any], body: StartDeployment, named: str | None) -> None:
    """That a version may go to the target, whatever stage is named.

    :raises RegistryError: a stage protects the target, and wouldn't have it; which one says why.
    """

    at_target = select(deployments.c.stage).where(
        deployments.c.model_id == model.id, deployments.c.target == body.target, deployments.c.stage.is_not(None)
    )
    standing, ended = (
        work.connection.execute(at_target.where(condition).distinct()).scalars().all()
        for condition in (deployments.c.status.in_(ACTIVE_STATUSES), _LEFT)
    )
    order = work.connection.execute(
        select(stages.c.name).where(stages.c.model_id == model.id).order_by(stages.c.position)
    ).scalars()
    for stage in protecting_stages(body.role, named, standing, ended, list(order)):
        try:
            check_stage_allows(work, model, version, find_stage(work, model, stage))
        except RegistryError as refused:
            last = None
            if stage not in standing:
                newest_first = at_target.with_only_columns(deployments.c.id).order_by(
                    deployments.c.started_at.desc(), deployments.c.id.desc()
                )
                last = work.connection.execute(newest_first.where(_LEFT, deployments.c.stage == stage)).scalar()
            raise _protected(refused, model.name, body.target, stage, last) from None


def _protected(refused: RegistryError, model: str, target: str, stage: str, last: str | None) -> RegistryError:
    """The refusal, with what protects the target. `last`: the deployment by which it does, where none stands."""

    told = refused.details | {"target": target, "protected_by": stage}
    why, lifted = "stands there", ""
    if last is not None:
        told["deployment"] = last
        why = "was the last one there"
        lifted = (
            f" Whoever may vacate '{stage}' lifts the protection: by reporting deployment '{last}' as ended once more,"
            " with a reason as `release`."
        )
    return type(refused)(
        f"Target '{target}' is protected by '{stage}', for which a deployment of '{model}' {why}. {refused.message}"
        f" A shadow, which gets no traffic, may be started without.{lifted}",
        **told,
    )

"""Deployments: what the registry authorised, and what the target says it serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from registry_service.db.queries.deployments import find_deployment, get_deployment
from registry_service.db.queries.models import find_model
from registry_service.db.queries.promotions import find_promotion
from registry_service.db.queries.revoked import refuse_revoked
from registry_service.db.queries.stages import find_stage
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import deployment_metrics, deployments
from registry_service.domain.entities import Deployment, DeploymentStatus
from registry_service.domain.entities.deployment import ACTIVE_STATUSES
from registry_service.domain.errors import Conflict, InvalidInput
from registry_service.domain.events import EventKind
from registry_service.domain.manifest import check_digest
from registry_service.domain.measuring import check_figures
from registry_service.domain.names import check_key
from registry_service.domain.permissions import Action
from registry_service.domain.references import refuse_secret
from registry_service.domain.requests import ObserveDeployment, StartDeployment
from registry_service.failpoints import reach
from registry_service.services.changes import record_change
from registry_service.services.ids import new_id
from registry_service.services.leave import check_leave, check_protection, check_stage_allows
from registry_service.services.texts import check_line, check_reason
from registry_service.services.usages import note_served, note_use
from registry_service.services.work import Work

FIGURES_KEPT: Final = 1_440
"""Reports with figures of one deployment that are kept: the newest, a day of them at one a minute."""


def start_deployment(work: Work, body: StartDeployment) -> Deployment:
    """Note that a version is on its way to a target. What ran there in this role before has ended, once the new one is
    observed to run; a deployment of the same promotion by the same run is answered again.

    Under a promotion or for a stage, what is deployed must be approved for that stage now, or current in it; the
    request by which it is approved is noted. It is judged for the stages that protect the target besides, if any do
    (see `protecting_stages`); where no stage is named and none protects, it is nobody's business but the target's. It
    ends no record of what another stage authorised there.

    :raises NotApproved, StageHeld, LeaseHeld, OlderThanCurrent: judged now, it may not go there.
    :raises VersionRevoked: it was withdrawn.
    """

    model = find_model(work, body.model, Action.DEPLOYMENT_WRITE, lock=True)
    check_key(body.target)
    check_line(body.run, "run")
    refuse_secret(body.run or "", "run")
    if not 0 <= body.traffic <= 1:
        raise InvalidInput("traffic is a share from 0 to 1.", field="traffic")
    promotion = None if body.promotion is None else _promotion_of(work, model, body.promotion)
    selector = body.version or (None if promotion is None else str(promotion.number))
    if selector is None:
        raise InvalidInput("Name the version, or the promotion, that is deployed.", field="version")
    version = find_version(work, model, selector)
    refuse_revoked(work, version)
    stage, by_promotion = body.stage, body.promotion
    if promotion is not None:
        _check_fits(promotion, version, body)
        check_leave(work, promotion)
        stage = promotion.stage
    elif stage is not None:
        by_promotion = check_stage_allows(work, model, version, find_stage(work, model, stage))
    check_protection(work, model, version, body, stage)
    again = _running_again(work, model, version, body, stage)
    if again is not None:
        work.existed = True
        return get_deployment(work, again)
    deployment_id = new_id()
    revision = record_change(
        work,
        model,
        EventKind.DEPLOYMENT_STARTED,
        subject=deployment_id,
        version=version.number,
        digest=version.digest,
        target=body.target,
        role=body.role,
        stage=stage,
        promotion=by_promotion,
    )
    work.connection.execute(
        insert(deployments).values(
            id=deployment_id,
            model_id=model.id,
            number=version.number,
            digest=version.digest,
            target=body.target,
            role=body.role,
            traffic=body.traffic,
            stage=stage,
            promotion_id=by_promotion,
            run=body.run,
            status=DeploymentStatus.DEPLOYING,
            started_at=work.now,
            started_by=work.actor.name,
            revision=revision,
        )
    )
    note_use(work, model.id, [version.number])
    reach("deployment.started")
    return get_deployment(work, deployment_id)


def observe_deployment(work: Work, deployment: str, body: ObserveDeployment) -> Deployment:
    """Record what the target says it serves. A digest other than the authorised one is drift, and an event. With a
    reason as `release`, the deployment's stage no longer protects the target for what ended there.

    :raises Conflict: the deployment has ended; what runs there now is another one.
    :raises NotPermitted, PersonRequired: only a person who may vacate the stage releases a target from it.
    """

    seen = find_deployment(work, deployment)
    check_figures(body.metrics)
    _check_release(work, seen, body)
    if body.digest is not None:
        check_digest(body.digest)
    model = find_model(work, seen.model_name, Action.DEPLOYMENT_WRITE, lock=True)
    before = find_deployment(work, deployment)
    over = body.status not in ACTIVE_STATUSES
    if before.status not in ACTIVE_STATUSES and not over:
        raise Conflict(
            f"Deployment '{deployment}' has {before.status}. Start a new one for what runs there now.",
            deployment=deployment,
            status=before.status,
        )
    drifted = _is_other(body.digest, before)
    kind = EventKind.DEPLOYMENT_OBSERVED
    if over:
        kind = EventKind.DEPLOYMENT_ENDED
    elif drifted and not _is_other(before.observed_digest, before):
        kind = EventKind.DEPLOYMENT_DRIFTED
    told = {
        "version": before.number,
        "digest": before.digest,
        "observed_digest": body.digest,
        "target": before.target,
        "status": body.status,
        "stage": before.stage,
        **({} if body.release is None else {"released": body.release}),
    }
    revision = record_change(work, model, kind, subject=deployment, **told)
    work.connection.execute(
        update(deployments)
        .where(deployments.c.id == deployment)
        .values(
            status=body.status,
            observed_digest=body.digest,
            observed_at=work.now,
            ended_at=(before.ended_at or work.now) if over else None,
            revision=revision,
        )
    )
    _release(work, before, body)
    if body.metrics:
        _keep_figures(work, deployment, body.metrics)
    if body.digest is not None:
        note_served(work, model.id, body.digest)
    if body.status is DeploymentStatus.RUNNING and not drifted:
        _end_predecessors(work, model, before)
    reach("deployment.observed")
    return get_deployment(work, deployment)


def _is_other(observed: str | None, deployment: Row[Any]) -> bool:
    return observed is not None and observed != deployment.digest


def _check_release(work: Work, deployment: Row[Any], body: ObserveDeployment) -> None:
    if body.release is None:
        return
    if deployment.stage is None:
        raise InvalidInput("The deployment is for no stage: there is nothing to release.", field="release")
    if body.status in ACTIVE_STATUSES:
        raise InvalidInput("A target is released by a deployment that has ended or failed.", field="release")
    find_model(work, deployment.model_name, Action.STAGE_VACATE)
    check_reason(body.release, f"Say why '{deployment.stage}' protects the target no longer.")


def _release(work: Work, deployment: Row[Any], body: ObserveDeployment) -> None:
    """From the stage, for all that has ended there: it is the target that is released."""

    if body.release is not None:
        work.connection.execute(
            update(deployments)
            .where(
                deployments.c.model_id == deployment.model_id,
                deployments.c.target == deployment.target,
                deployments.c.stage == deployment.stage,
                deployments.c.ended_at.is_not(None),
                deployments.c.released_at.is_(None),
            )
            .values(released_at=work.now)
        )


def _keep_figures(work: Work, deployment: str, metrics: Mapping[str, float]) -> None:
    """The newest are kept, by the number of each."""

    one_more = update(deployments).where(deployments.c.id == deployment).values(measured=deployments.c.measured + 1)
    ordinal = work.connection.execute(one_more.returning(deployments.c.measured)).scalar_one()
    kept = insert(deployment_metrics).values(
        deployment_id=deployment, ordinal=ordinal, at=work.now, metrics=dict(metrics)
    )
    work.connection.execute(kept)
    work.connection.execute(
        delete(deployment_metrics).where(
            deployment_metrics.c.deployment_id == deployment, deployment_metrics.c.ordinal <= ordinal - FIGURES_KEPT
        )
    )


def _promotion_of(work: Work, model: Row[Any], promotion: str) -> Row[Any]:
    row = find_promotion(work, promotion)
    if row.model_id != model.id:
        raise InvalidInput(f"Promotion '{promotion}' is of another model.", field="promotion")
    return row


def _check_fits(promotion: Row[Any], version: Row[Any], body: StartDeployment) -> None:
    if version.number != promotion.number:
        raise InvalidInput(
            f"Promotion '{promotion.id}' is about version {promotion.number}, not {version.number}.", field="version"
        )
    if body.stage is not None and body.stage != promotion.stage:
        raise InvalidInput(f"Promotion '{promotion.id}' is to '{promotion.stage}', not '{body.stage}'.", field="stage")


def _running_again(
    work: Work, model: Row[Any], version: Row[Any], body: StartDeployment, stage: str | None
) -> str | None:
    """By the promotion, where one is named; else for the same stage, by whatever request that was approved then."""

    if body.run is None:
        return None
    if body.promotion is None:
        same = deployments.c.stage.is_not_distinct_from(stage)
    else:
        same = deployments.c.promotion_id == body.promotion
    return work.connection.execute(
        select(deployments.c.id).where(
            deployments.c.model_id == model.id,
            deployments.c.number == version.number,
            deployments.c.target == body.target,
            deployments.c.role == body.role,
            deployments.c.run == body.run,
            same,
            deployments.c.status.in_(ACTIVE_STATUSES),
        )
    ).scalar()


def _end_predecessors(work: Work, model: Row[Any], running: Row[Any]) -> None:
    """One primary (canary, shadow) of a model runs at a target: the newest one that says that it runs. What a stage
    authorised gives way to what the same stage authorises only: of another's record the target itself decides, by what
    it is observed to serve."""

    without_authority = deployments.c.stage.is_(None)
    if running.stage is None:
        gives_way: ColumnElement[bool] = without_authority
    else:
        gives_way = without_authority | (deployments.c.stage == running.stage)
    replaced = work.connection.execute(
        select(deployments).where(
            deployments.c.model_id == model.id,
            deployments.c.target == running.target,
            deployments.c.role == running.role,
            deployments.c.id != running.id,
            deployments.c.started_at <= running.started_at,
            deployments.c.status.in_(ACTIVE_STATUSES),
            gives_way,
        )
    ).all()
    for row in replaced:
        revision = record_change(
            work,
            model,
            EventKind.DEPLOYMENT_ENDED,
            subject=row.id,
            version=row.number,
            digest=row.digest,
            target=row.target,
            status=DeploymentStatus.ENDED,
            replaced_by=running.id,
        )
        work.connection.execute(
            update(deployments)
            .where(deployments.c.id == row.id)
            .values(status=DeploymentStatus.ENDED, ended_at=work.now, revision=revision)
        )

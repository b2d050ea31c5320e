"""Deployments: authorised and observed, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, select

from registry_service.db.filters import matching
from registry_service.db.paging import Ordering, PageRequest, page_of, pinned
from registry_service.db.queries.revoked import content_revoked
from registry_service.db.queries.sight import in_sight
from registry_service.db.tables import deployments, models, promotions, stages, versions
from registry_service.db.view import View
from registry_service.domain.drift import Leave, is_drifted, leave_of
from registry_service.domain.entities import Deployment, DeploymentRole, DeploymentStatus, Page
from registry_service.domain.entities.deployment import ACTIVE_STATUSES
from registry_service.domain.errors import DeploymentNotFound
from registry_service.domain.permissions import Action
from registry_service.domain.promotions import Phase

_ORDERING = Ordering(
    columns={"started_at": deployments.c.started_at}, tie_breakers=[deployments.c.id], default="started_at desc"
)


_current = versions.alias("current")


def deployments_in_sight(view: View) -> Select[Any]:
    """Rows that `describe_deployments` takes: of models in sight."""

    return (
        select(
            deployments,
            models.c.name.label("model_name"),
            promotions.c.phase.label("promotion_phase"),
            _current.c.digest.label("current_digest"),
            content_revoked(deployments).label("revoked"),
        )
        .join(models, models.c.id == deployments.c.model_id)
        .outerjoin(promotions, promotions.c.id == deployments.c.promotion_id)
        .outerjoin(stages, (stages.c.model_id == deployments.c.model_id) & (stages.c.name == deployments.c.stage))
        .outerjoin(_current, (_current.c.model_id == stages.c.model_id) & (_current.c.number == stages.c.number))
        .where(models.c.deleted_at.is_(None), in_sight(view, Action.DEPLOYMENT_READ, models.c.name))
    )


def find_deployment(view: View, deployment: str) -> Row[Any]:
    """:raises DeploymentNotFound: there is none, or its model is out of sight."""

    row = view.connection.execute(deployments_in_sight(view).where(deployments.c.id == deployment)).one_or_none()
    if row is None:
        raise DeploymentNotFound(
            f"There is no deployment '{deployment}', or you may not read it.", deployment=deployment
        )
    return row


def get_deployment(view: View, deployment: str) -> Deployment:
    return describe_deployment(find_deployment(view, deployment))


def list_deployments(view: View, page: PageRequest) -> Page[Deployment]:
    statement = deployments_in_sight(view)
    if page.filter:
        page = pinned(page, view.now)
        statement = statement.where(matching("deployments", str(page.filter), now=page.now))
    return page_of(view.connection, statement, _ORDERING, page, describe_deployments)


def describe_deployments(rows: Sequence[Row[Any]]) -> list[Deployment]:
    return [describe_deployment(row) for row in rows]


def _drifted(row: Row[Any]) -> bool:
    leave = Leave.NONE_NEEDED
    stands = row.status in ACTIVE_STATUSES
    if stands:
        phase = None if row.promotion_phase is None else Phase(row.promotion_phase)
        applied = phase is Phase.APPLIED if phase is not None and phase.is_final else None
        leave = leave_of(stage=row.stage, promotion=row.promotion_id, applied=applied)
    revoked = stands and bool(row.revoked)
    return is_drifted(row.digest, row.observed_digest, leave=leave, current=row.current_digest, revoked=revoked)


def describe_deployment(row: Row[Any]) -> Deployment:
    return Deployment(
        id=row.id,
        model_name=row.model_name,
        version=row.number,
        digest=row.digest,
        target=row.target,
        role=DeploymentRole(row.role),
        traffic=row.traffic,
        stage=row.stage,
        promotion_id=row.promotion_id,
        run=row.run,
        status=DeploymentStatus(row.status),
        observed_digest=row.observed_digest,
        observed_at=row.observed_at,
        drifted=_drifted(row),
        revoked=bool(row.revoked),
        started_at=row.started_at,
        started_by=row.started_by,
        ended_at=row.ended_at,
        released_at=row.released_at,
        revision=row.revision,
    )

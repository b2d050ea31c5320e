"""What targets measured, as a series and compared between the roles of a target."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.queries.deployments import find_deployment
from registry_service.db.tables import deployment_metrics, deployments
from registry_service.db.view import View
from registry_service.domain.entities import (
    DeploymentRole,
    DeploymentStatus,
    Measurement,
    MetricSummary,
    Page,
    RoleComparison,
    RoleMetrics,
)
from registry_service.domain.entities.deployment import ACTIVE_STATUSES
from registry_service.domain.measuring import Figures, summaries

_ORDERING: Final = Ordering(
    columns={"ordinal": deployment_metrics.c.ordinal},
    tie_breakers=[deployment_metrics.c.ordinal],
    default="ordinal desc",
)


def list_deployment_metrics(view: View, deployment: str, page: PageRequest) -> Page[Measurement]:
    """What was measured of the deployment, the latest first.

    :raises DeploymentNotFound: there is none, or its model is out of sight.
    """

    refuse_filter(page)
    found = find_deployment(view, deployment)
    return page_of(view.connection, reports_of(found.id), _ORDERING, page, _measurements)


def reports_of(deployment: str, since: datetime | None = None) -> Select[Any]:
    statement = select(deployment_metrics).where(deployment_metrics.c.deployment_id == deployment)
    return statement if since is None else statement.where(deployment_metrics.c.at >= since)


def compare_roles(view: View, deployment: str, *, since: datetime | None = None) -> RoleComparison:
    """What was measured of a deployment beside the others of its model at its target: of each other role the one under
    way or running that began last.

    :raises DeploymentNotFound: there is none, or its model is out of sight.
    """

    asked = find_deployment(view, deployment)
    beside: dict[str, Row[Any]] = {asked.role: asked}
    for role in DeploymentRole:
        if role != asked.role:
            for row in view.connection.execute(running_beside(asked, role)):
                beside[role] = row
    roles: list[RoleMetrics] = []
    primary: dict[str, MetricSummary] | None = None
    for role in DeploymentRole:
        if role in beside:
            found = summaries(_figures(view, beside[role].id, since), primary)
            roles.append(_role(beside[role], found))
            if role is DeploymentRole.PRIMARY:
                primary = found
    return RoleComparison(model_name=asked.model_name, target=asked.target, since=since, roles=roles)


def running_beside(asked: Row[Any], role: DeploymentRole) -> Select[Any]:
    """The deployment under way or running of the same model at the same target that began last in the role."""

    return (
        select(deployments)
        .where(
            deployments.c.model_id == asked.model_id,
            deployments.c.target == asked.target,
            deployments.c.role == role,
            deployments.c.status.in_(ACTIVE_STATUSES),
        )
        .order_by(deployments.c.started_at.desc(), deployments.c.id.desc())
        .limit(1)
    )


def _figures(view: View, deployment: str, since: datetime | None) -> list[Figures]:
    statement = reports_of(deployment, since).order_by(deployment_metrics.c.ordinal)
    return [Figures(row.at, row.metrics) for row in view.connection.execute(statement)]


def _role(row: Row[Any], metrics: dict[str, MetricSummary]) -> RoleMetrics:
    return RoleMetrics(
        deployment_id=row.id,
        role=DeploymentRole(row.role),
        version=row.number,
        digest=row.digest,
        traffic=row.traffic,
        status=DeploymentStatus(row.status),
        metrics=metrics,
    )


def _measurements(rows: Sequence[Row[Any]]) -> list[Measurement]:
    return [
        Measurement(deployment_id=row.deployment_id, ordinal=row.ordinal, at=row.at, metrics=row.metrics)
        for row in rows
    ]

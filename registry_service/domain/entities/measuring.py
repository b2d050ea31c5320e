"""What targets measured of what they serve."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.deployment import DeploymentRole, DeploymentStatus


class Measurement(Answer, frozen=True, kw_only=True):
    """Figures that came with an observation of a deployment. `ordinal` counts such observations of it."""

    deployment_id: str
    ordinal: int
    at: datetime
    metrics: dict[str, float]


class MetricSummary(Answer, frozen=True, kw_only=True):
    """A metric over some reports. `difference`: the mean less that of the primary; None for the primary itself, and
    where it has no such metric."""

    count: int
    latest: float
    latest_at: datetime
    mean: float
    lowest: float
    highest: float
    difference: float | None


class RoleMetrics(Answer, frozen=True, kw_only=True):
    """What was measured of a deployment, by metric."""

    deployment_id: str
    role: DeploymentRole
    version: int
    digest: str
    traffic: float
    status: DeploymentStatus
    metrics: dict[str, MetricSummary]


class RoleComparison(Answer, frozen=True, kw_only=True):
    """The roles of one model at one target side by side, the primary first, over the reports kept since `since`."""

    model_name: str
    target: str
    since: datetime | None
    roles: list[RoleMetrics]

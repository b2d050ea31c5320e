"""What was live at a time."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.deployment import DeploymentRole, DeploymentStatus
from registry_service.domain.entities.stage import StageChange


class LiveStage(Answer, frozen=True, kw_only=True):
    """What a stage authorised, since when, and by which promotion. `version` None: it had been vacated. `revoked`: that
    content had been revoked."""

    stage: str
    version: int | None
    digest: str | None
    revoked: bool
    since: datetime
    change: StageChange
    promotion_id: str | None
    by: str


class LiveDeployment(Answer, frozen=True, kw_only=True):
    """A deployment that had begun and not ended. `digest` is authorised; `observed_digest` is what the target had said
    last, at `observed_at` (None: it hadn't yet). `drifted` and `revoked` as of a deployment: what it served wasn't
    authorised; its content had been revoked."""

    deployment_id: str
    target: str
    role: DeploymentRole
    traffic: float
    stage: str | None
    version: int
    digest: str
    status: DeploymentStatus
    promotion_id: str | None
    started_at: datetime
    observed_digest: str | None
    observed_at: datetime | None
    drifted: bool
    revoked: bool


class LiveModel(Answer, frozen=True, kw_only=True):
    """What was live of a model: what its stages authorised, in their order, and what its deployments served, by target,
    role and start. `more`: there were further deployments than the 100 begun last."""

    model_name: str
    stages: list[LiveStage]
    deployments: list[LiveDeployment]
    more: bool

"""Where versions run."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from registry_service.domain.entities.answer import Answer


class DeploymentRole(StrEnum):
    PRIMARY = "primary"
    CANARY = "canary"
    SHADOW = "shadow"


class DeploymentStatus(StrEnum):
    DEPLOYING = "deploying"
    RUNNING = "running"
    FAILED = "failed"
    ENDED = "ended"


ACTIVE_STATUSES: Final = (DeploymentStatus.DEPLOYING, DeploymentStatus.RUNNING)
"""Of deployments under way or running: what they serve is needed."""


class Deployment(Answer, frozen=True, kw_only=True):
    """Where a version runs. `digest` is authorised (the registry says so), `observed_digest` is what the target said
    last. `drifted`: the target serves what isn't authorised: other content, what was revoked, that of a promotion which
    ended without being applied, or what isn't current in its stage, as that was vacated or points elsewhere now.
    `revoked`: the authorised content was revoked. `released_at`: since when its stage no longer protects the target for
    what has ended there."""

    id: str
    model_name: str
    version: int
    digest: str
    target: str
    role: DeploymentRole
    traffic: float
    stage: str | None
    promotion_id: str | None
    run: str | None
    status: DeploymentStatus
    observed_digest: str | None
    observed_at: datetime | None
    drifted: bool
    revoked: bool
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    released_at: datetime | None
    revision: int

from __future__ import annotations

from datetime import datetime
from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Deployment, LiveModel, Measurement, Page, RoleComparison
from registry_service.domain.requests import ObserveDeployment, StartDeployment


def list_deployments(**paging: Unpack[Paging]) -> Call[Page[Deployment]]:
    """Deployments in sight, filtered by model, target, role, status, stage and version."""
    return read(Page[Deployment], "deployments", **paging)


def start_deployment(body: StartDeployment, *, idempotency_key: str | None = None) -> Call[Deployment]:
    """Say that a version begins to run somewhere; a running one of the same run and target is answered again."""
    return write("POST", Deployment, "deployments", body=body, key=idempotency_key)


def get_deployment(deployment: str) -> Call[Deployment]:
    return read(Deployment, "deployments", deployment)


def observe_deployment(
    deployment: str, body: ObserveDeployment, *, idempotency_key: str | None = None
) -> Call[Deployment]:
    """Say what the target serves."""
    return write("POST", Deployment, "deployments", deployment, "observed", body=body, key=idempotency_key)


def list_deployment_metrics(deployment: str, **paging: Unpack[Paging]) -> Call[Page[Measurement]]:
    """What was measured of the deployment, the latest first."""
    return read(Page[Measurement], "deployments", deployment, "metrics", **paging)


def compare_roles(deployment: str, *, since: datetime | None = None) -> Call[RoleComparison]:
    """What was measured of the deployment beside the other roles of its model at its target, `since` a time."""
    return read(RoleComparison, "deployments", deployment, "metrics", "roles", since=since)


def live(
    model: str | None = None,
    *,
    stage: str | None = None,
    as_of: datetime | None = None,
    **paging: Unpack[Paging],
) -> Call[Page[LiveModel]]:
    """What is live now, or was at `as_of`: what the stages authorise, and what the targets were seen to serve. Of one
    `model`, of those of a name pattern such as `team-a.*`, or of all in sight; in one `stage` or in all."""
    return read(Page[LiveModel], "live", model=model, stage=stage, as_of=as_of, **paging)

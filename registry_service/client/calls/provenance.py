from __future__ import annotations

from datetime import datetime
from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read
from registry_service.domain.entities import DeploymentRole, Page, VersionProvenance


def list_provenance(digest: str, **paging: Unpack[Paging]) -> Call[Page[VersionProvenance]]:
    """The versions with this content, or with a file of it, each with all that answers for it."""
    return read(Page[VersionProvenance], "provenance", digest, **paging)


def list_served(
    target: str,
    *,
    role: DeploymentRole | str | None = None,
    as_of: datetime | None = None,
    **paging: Unpack[Paging],
) -> Call[Page[VersionProvenance]]:
    """The same of what was deployed to a target in a role (None: primary), now or at a time."""
    return read(Page[VersionProvenance], "provenance", target=target, role=role, as_of=as_of, **paging)


def get_deployment_provenance(deployment: str) -> Call[VersionProvenance]:
    """The same of the version of a deployment."""
    return read(VersionProvenance, "deployments", deployment, "provenance")

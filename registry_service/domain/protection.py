"""What protects a target: nobody gets around a stage by not naming it."""

from __future__ import annotations

from collections.abc import Iterable

from registry_service.domain.entities.deployment import DeploymentRole


def protecting_stages(role: DeploymentRole, authorised: Iterable[str]) -> list[str]:
    """The stages for each of which a deployment that names none is judged all the same. A target is protected for a
    model by each stage for which a deployment of the model stands there, from whatever gets traffic.

    :param role: of the deployment that is to start; a shadow gets no traffic
    :param authorised: the stages of the model's deployments that stand at the target
    """

    return [] if role is DeploymentRole.SHADOW else sorted(set(authorised))

"""What protects a target: nobody gets around a stage by not naming it, or by naming an earlier one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry_service.domain.entities.deployment import DeploymentRole


def protecting_stages(
    role: DeploymentRole, named: str | None, authorised: Iterable[str], order: Sequence[str]
) -> list[str]:
    """The stages for each of which a deployment is judged besides the one that it names. A target is protected for a
    model by each stage for which a deployment of the model stands there, from whatever gets traffic: from what names no
    stage, and from what names one that comes before it. A later stage takes a target over from an earlier one.

    :param role: of the deployment that is to start; a shadow gets no traffic
    :param named: the stage that it is for
    :param authorised: the stages of the model's deployments that stand at the target
    :param order: the model's stages, the first one first; one that stands and is none of them protects from all
    """

    if role is DeploymentRole.SHADOW:
        return []
    before = set() if named is None else {*order[: order.index(named) + 1]}
    return sorted(set(authorised) - before)

"""What protects a target: nobody gets around a stage by not naming it, or by naming an earlier one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry_service.domain.entities.deployment import DeploymentRole


def keeps_protection(order: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether stages in another order protect targets as they did: behind each that stays comes no other than before,
    as a later stage takes a target over."""

    places = {stage: place for place, stage in enumerate(order)}
    return all(
        set(wanted[place + 1 :]) <= set(order[places[stage] + 1 :])
        for place, stage in enumerate(wanted)
        if stage in places
    )


def protecting_stages(
    role: DeploymentRole, named: str | None, standing: Iterable[str], ended: Iterable[str], order: Sequence[str]
) -> list[str]:
    """The stages for each of which a deployment is judged besides the one that it names. A target is protected for a
    model by each stage for which a deployment of the model stands there, from whatever gets traffic: from what names no
    stage, and from what names one that comes before it. A later stage takes a target over from an earlier one. After
    the last deployment has ended, the latest stage goes on protecting it until it is released: whoever may only report
    what a target serves lifts no protection by saying that it serves nothing.

    :param role: of the deployment that is to start; a shadow gets no traffic
    :param named: the stage that it is for
    :param standing: the stages of the model's deployments that stand at the target
    :param ended: the stages of those that got traffic there, have ended and weren't released
    :param order: the model's stages, the first one first; one that is none of them protects from all
    """

    if role is DeploymentRole.SHADOW:
        return []
    places = {stage: place for place, stage in enumerate(order)}
    protecting = set(standing)
    latest = max({*protecting, *ended}, key=lambda stage: places.get(stage, len(places)), default=None)
    if latest is not None:
        protecting.add(latest)
    before = set() if named is None else {*order[: places[named] + 1]}
    return sorted(protecting - before)

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from registry_service.db.queries.measuring import compare_roles, list_deployment_metrics
from registry_service.db.tables import deployment_metrics, deployments
from registry_service.db.view import View
from registry_service.domain.entities import Deployment, DeploymentRole, DeploymentStatus, Measurement, RoleComparison
from registry_service.domain.errors import DeploymentNotFound, InvalidInput
from registry_service.domain.permissions import Role
from registry_service.domain.requests import ObserveDeployment, StartDeployment
from registry_service.services.deployments import FIGURES_KEPT, observe_deployment, start_deployment
from registry_service.services.work import Work
from tests.services.world import MINUTE, World


async def deploy(world: World, **body: Any) -> Deployment:
    body = {"model": "fraud", "target": "eu", "version": "1"} | body
    return await world.act("airflow", start_deployment, StartDeployment(**body))


async def measure(
    world: World, of: Deployment, status: DeploymentStatus = DeploymentStatus.RUNNING, **metrics: float
) -> datetime:
    world.clock.advance(MINUTE)
    body = ObserveDeployment(digest=of.digest, status=status, metrics=metrics)
    await world.act("airflow", observe_deployment, of.id, body)
    return world.clock.now


async def series(world: World, of: Deployment) -> list[Measurement]:
    return await world.look_at_all("rita", list_deployment_metrics, of.id, limit=1)


async def compared(world: World, of: Deployment, since: datetime | None = None) -> RoleComparison:
    return await world.look("rita", compare_roles, of.id, since=since)


async def test_what_was_measured_is_a_series_the_latest_first(world: World) -> None:
    await world.registered(1)
    started = await deploy(world)
    assert await series(world, started) == []
    first = await measure(world, started, p95=40.0, errors=0.01)
    await measure(world, started)  # was seen, and measured nothing
    last = await measure(world, started, p95=42.0)
    assert [(one.ordinal, one.at, one.metrics) for one in await series(world, started)] == [
        (2, last, {"p95": 42.0}),
        (1, first, {"p95": 40.0, "errors": 0.01}),
    ]


async def test_the_roles_of_a_target_are_compared_with_its_primary(world: World) -> None:
    await world.registered(2)
    primary = await deploy(world)
    canary = await deploy(world, version="2", role=DeploymentRole.CANARY, traffic=0.1)
    await deploy(world, role=DeploymentRole.SHADOW)
    other_target = await deploy(world, target="us", role=DeploymentRole.CANARY)
    begun = await measure(world, canary, p95=70.0)
    for of, figure in ((primary, 40.0), (canary, 50.0), (other_target, 1000.0), (canary, 54.0)):
        await measure(world, of, p95=figure)
    found = await compared(world, canary, since=begun + MINUTE)
    assert (found.model_name, found.target, found.since) == ("fraud", "eu", begun + MINUTE)
    assert [(one.role, one.version, one.traffic) for one in found.roles] == [
        (DeploymentRole.PRIMARY, 1, 1.0),
        (DeploymentRole.CANARY, 2, 0.1),
        (DeploymentRole.SHADOW, 1, 1.0),
    ]
    of_primary, of_canary, of_shadow = (one.metrics for one in found.roles)
    assert (of_primary["p95"].mean, of_primary["p95"].difference, of_shadow) == (40.0, None, {})
    p95 = of_canary["p95"]
    assert (p95.count, p95.latest, p95.mean, p95.difference) == (2, 54.0, 52.0, 12.0)
    assert await compared(world, primary, since=begun + MINUTE) == found
    whole = (await compared(world, canary)).roles[1].metrics["p95"]
    assert (whole.count, whole.highest, whole.lowest) == (3, 70.0, 50.0)


async def test_of_each_other_role_the_one_that_runs_counts_and_what_is_asked_for_always_does(world: World) -> None:
    await world.registered(2)
    old = await deploy(world)
    canary = await deploy(world, role=DeploymentRole.CANARY)
    await measure(world, old, p95=1.0)
    new = await deploy(world, version="2")
    await measure(world, new, p95=2.0)  # which ends the old one
    assert [one.deployment_id for one in (await compared(world, canary)).roles] == [new.id, canary.id]
    assert [one.deployment_id for one in (await compared(world, old)).roles] == [old.id, canary.id]
    await measure(world, canary, DeploymentStatus.ENDED, p95=3.0)
    assert [one.deployment_id for one in (await compared(world, new)).roles] == [new.id]
    final = (await compared(world, canary)).roles[1].metrics["p95"]
    assert (final.latest, final.difference) == (3.0, 1.0)


async def test_what_is_no_figure_is_refused_with_the_whole_observation(world: World) -> None:
    await world.registered(1)
    started = await deploy(world)
    for figure in (float("nan"), float("inf"), 1e301):
        with pytest.raises(InvalidInput):
            await measure(world, started, p95=figure)
    assert await world.kinds("deployment.*") == ["deployment.started"]
    assert await series(world, started) == []


async def test_the_oldest_reports_are_let_go(world: World) -> None:
    await world.registered(1)
    started, other = await deploy(world), await deploy(world, target="us")
    await measure(world, started, p95=1.0)
    await measure(world, other, p95=1.0)

    def age(work: Work) -> None:
        more = [
            {"deployment_id": started.id, "ordinal": ordinal, "at": work.now, "metrics": {"p95": 2.0}}
            for ordinal in range(2, FIGURES_KEPT + 1)
        ]
        work.connection.execute(insert(deployment_metrics), more)
        work.connection.execute(update(deployments).where(deployments.c.id == started.id).values(measured=FIGURES_KEPT))

    await world.act("ada", age)
    await measure(world, started, p95=3.0)

    def ordinals(view: View) -> list[int]:
        kept = select(deployment_metrics.c.ordinal).where(deployment_metrics.c.deployment_id == started.id)
        return list(view.connection.execute(kept.order_by(deployment_metrics.c.ordinal)).scalars())

    assert await world.look("rita", ordinals) == list(range(2, FIGURES_KEPT + 2))
    assert len(await series(world, other)) == 1
    assert (await compared(world, started)).roles[0].metrics["p95"].count == FIGURES_KEPT


async def test_what_was_measured_out_of_sight_is_not_there(world: World) -> None:
    await world.registered(1)
    started = await deploy(world)
    await world.person("otto", Role.READER, "churn*")
    with pytest.raises(DeploymentNotFound):
        await world.look_at_all("otto", list_deployment_metrics, started.id)
    with pytest.raises(DeploymentNotFound):
        await world.look("otto", compare_roles, started.id)

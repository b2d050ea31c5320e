from __future__ import annotations

from datetime import datetime

import click

from registry_service.cli import completing, options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import Cell, facts, table
from registry_service.client import (
    Deployment,
    DeploymentRole,
    DeploymentStatus,
    MetricSummary,
    ObserveDeployment,
    StartDeployment,
)


@click.group(cls=Group, short_help="Where versions run.")
def deployments() -> None:
    """Where versions run: what the registry authorised, and what the target says."""


@deployments.command("list")
@options.listing
@pass_state
def list_deployments(state: State, where: str | None, order_by: str | None, limit: int) -> None:
    """Deployments, filtered such as "model = 'churn' AND status = 'running'"."""

    found = state.client.iterate_deployments(**options.paging(where, order_by, limit))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["deployment", "model", "version", "target", "role", "status", "observed", "started"],
            [
                (
                    item.id,
                    item.model_name,
                    item.version,
                    item.target,
                    item.role,
                    item.status,
                    _observed(item),
                    item.started_at,
                )
                for item in items
            ],
            empty="No deployments.",
        ),
    )


@deployments.command("show")
@click.argument("deployment", shell_complete=completing.deployments)
@pass_state
def show_deployment(state: State, deployment: str) -> None:
    """One deployment: authorised and observed, side by side."""

    found = state.client.get_deployment(deployment)
    state.show(found, lambda: deployment_text(found))


@deployments.command("start")
@options.model
@click.argument("target", shell_complete=completing.places)
@click.option("--version", "selector", shell_complete=completing.selectors, help="Which version; else the promotion's.")
@click.option("--promotion", shell_complete=completing.promotions, help="The promotion that brings it there.")
@click.option("--stage", shell_complete=completing.stages, help="The stage that it serves.")
@click.option("--role", type=click.Choice(DeploymentRole, case_sensitive=False), default=DeploymentRole.PRIMARY.value)
@click.option("--traffic", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Its share, 0 to 1.")
@click.option("--run", help="Which run deploys, as text.")
@pass_state
def start_deployment(
    state: State,
    model: str,
    target: str,
    selector: str | None,
    promotion: str | None,
    stage: str | None,
    role: DeploymentRole,
    traffic: float,
    run: str | None,
) -> None:
    """Note that a version is on its way to TARGET, a name of your own for a place where models run."""

    if selector is None and promotion is None:
        raise click.UsageError("Say which --version or which --promotion.")
    body = StartDeployment(
        model=model,
        target=target,
        version=selector,
        promotion=promotion,
        stage=stage,
        role=role,
        traffic=traffic,
        run=run,
    )
    started = state.client.start_deployment(body)
    state.show(started, lambda: deployment_text(started))


@deployments.command("observe")
@click.argument("deployment", shell_complete=completing.deployments)
@click.option("--digest", help="The content digest that the target says it serves.")
@click.option(
    "--metric", "metrics", type=options.Measure(), multiple=True, help="What was measured of it; may be given again."
)
@click.option("--nothing", is_flag=True, help="The target says that it serves nothing.")
@click.option(
    "--status",
    type=click.Choice(DeploymentStatus, case_sensitive=False),
    default=DeploymentStatus.RUNNING.value,
    show_default=True,
)
@click.option(
    "--release",
    metavar="REASON",
    help="Of a deployment that has ended: why its stage protects the target no longer. Who may vacate the stage may.",
)
@pass_state
def observe_deployment(
    state: State,
    deployment: str,
    digest: str | None,
    status: DeploymentStatus,
    metrics: tuple[tuple[str, float], ...],
    release: str | None,
    *,
    nothing: bool,
) -> None:
    """Report what the target says it serves."""

    if (digest is None) is not nothing:
        raise click.UsageError("Say which --digest the target serves, or --nothing.")
    body = ObserveDeployment(digest=digest, status=status, metrics=dict(metrics), release=release)
    observed = state.client.observe_deployment(deployment, body)
    state.show(observed, lambda: deployment_text(observed))


@deployments.command("metrics")
@click.argument("deployment", shell_complete=completing.deployments)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def list_deployment_metrics(state: State, deployment: str, limit: int) -> None:
    """What was measured of a deployment, the latest first."""

    found = state.client.iterate_deployment_metrics(deployment, limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["measured", "metric", "value"],
            [(item.at, key, value) for item in items for key, value in item.metrics.items()],
            empty="Nothing was measured.",
        ),
    )


@deployments.command("roles")
@click.argument("deployment", shell_complete=completing.deployments)
@click.option("--since", type=options.Moment(), help="From this time on, such as 2026-03-03T14:00.")
@pass_state
def compare_roles(state: State, deployment: str, since: datetime | None) -> None:
    """What was measured of a deployment beside the other roles of its model at its target."""

    found = state.client.compare_roles(deployment, since=since)
    state.show(
        found,
        lambda: table(
            [
                "role",
                "version",
                "traffic",
                "metric",
                "latest",
                "mean",
                "to the primary",
                "lowest",
                "highest",
                "reports",
            ],
            [
                (role.role, role.version, f"{role.traffic:.0%}", key, *_summary(one))
                for role in found.roles
                for key, one in role.metrics.items()
            ],
            empty="Nothing was measured.",
        ),
    )


def _summary(one: MetricSummary) -> tuple[Cell, ...]:
    apart = None if one.difference is None else f"{one.difference:+g}"
    return (one.latest, one.mean, apart, one.lowest, one.highest, one.count)


def deployment_text(found: Deployment) -> str:
    return facts(
        {
            "deployment": found.id,
            "version": f"{found.model_name} {found.version}{' REVOKED' if found.revoked else ''}",
            "target": found.target,
            "role": found.role,
            "traffic": f"{found.traffic:.0%}",
            "stage": found.stage,
            "promotion": found.promotion_id,
            "run": found.run,
            "status": found.status,
            "authorised": found.digest,
            "observed": found.observed_digest or _observed(found),
            "observed at": found.observed_at,
            "started": found.started_at,
            "started by": found.started_by,
            "ended": found.ended_at,
            "released": found.released_at,
        }
    )


def _observed(deployment: Deployment) -> str:
    if deployment.observed_at is None:
        return "not yet"
    if deployment.drifted:
        if deployment.observed_digest != deployment.digest:
            return "something else"
        return "what was revoked" if deployment.revoked else "what is authorised no more"
    return "as authorised" if deployment.observed_digest else "nothing"

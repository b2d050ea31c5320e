from __future__ import annotations

import click

from registry_service.cli import options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import facts, table
from registry_service.client import Deployment


@click.group(cls=Group)
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
@click.argument("deployment")
@pass_state
def show_deployment(state: State, deployment: str) -> None:
    """One deployment: authorised and observed, side by side."""

    found = state.client.get_deployment(deployment)
    state.show(
        found,
        lambda: facts(
            {
                "deployment": found.id,
                "version": f"{found.model_name} {found.version}",
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
            }
        ),
    )


def _observed(deployment: Deployment) -> str:
    if deployment.observed_at is None:
        return "not yet"
    if deployment.drifted:
        return "something else"
    return "as authorised" if deployment.observed_digest else "nothing"

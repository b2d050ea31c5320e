"""What is live, or was at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from registry_service.cli import completing, options
from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import Cell, table
from registry_service.client import LiveDeployment, LiveModel, LiveStage


@click.command(cls=Command)
@click.argument("model", required=False, shell_complete=completing.models)
@click.option("--at", type=options.Moment(), help="How it was then, such as 2026-03-03T14:00.")
@click.option("--stage", help="In this stage only.")
@options.listing
@pass_state
def live(
    state: State,
    model: str | None,
    at: datetime | None,
    stage: str | None,
    where: str | None,
    order_by: str | None,
    limit: int,
) -> None:
    """What is live now, or was at a time: what stages authorise, and what targets were seen to serve. Of MODEL, of
    models of a pattern such as 'team-a.*', or of all."""

    found = state.client.iterate_live(model, stage=stage, as_of=at, **options.paging(where, order_by, limit))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["model", "stage", "version", "since", "promotion", "target", "role", "observed", "seen"],
            [row for item in items for row in _rows(item)],
            empty="Nothing was live." if at else "Nothing is live.",
        ),
    )


def _rows(found: LiveModel) -> Iterator[tuple[Cell, ...]]:
    """One a deployment, beside the stage that it serves; stages without, and deployments for no stage, by themselves.
    A stage that never had anything is vacant, also where something is deployed for it."""

    stages = {one.stage for one in found.stages}
    for stage in found.stages:
        about = (found.model_name, stage.stage, _version(stage), stage.since, stage.promotion_id)
        serving = [one for one in found.deployments if one.stage == stage.stage]
        yield from ((*about, *_served(one)) for one in serving)
        if not serving:
            yield (*about, None, None, None, None)
    for one in found.deployments:
        if one.stage not in stages:
            version = _version(one) if one.stage is None else "vacant"
            since, promotion = (one.started_at, one.promotion_id) if one.stage is None else (None, None)
            yield (found.model_name, one.stage, version, since, promotion, *_served(one))
    if found.more:
        yield (found.model_name, None, None, None, None, "(more)", None, None, None)


def _version(one: LiveStage | LiveDeployment) -> str:
    return "vacant" if one.version is None else f"{one.version}{' REVOKED' if one.revoked else ''}"


def _served(one: LiveDeployment) -> tuple[Cell, ...]:
    return (one.target, str(one.role), _observed(one), one.observed_at)


def _observed(one: LiveDeployment) -> str:
    if one.observed_at is None:
        return "not yet"
    if one.observed_digest is None:
        return "nothing"
    if not one.drifted:
        return "as authorised"
    return "NOT as authorised: revoked" if one.revoked else "NOT as authorised"

from __future__ import annotations

import shlex
from datetime import datetime

import click

from registry_service.cli import completing, options
from registry_service.cli.endings import Stopped
from registry_service.cli.state import Command, Group, State, pass_state
from registry_service.cli.text import cell, facts, joined, table
from registry_service.client import (
    ArrangeStages,
    ClearFailure,
    Hold,
    HoldStage,
    Promotion,
    RollBack,
    RollbackHold,
    Stage,
    VacateStage,
)


@click.group(cls=Group)
def stages() -> None:
    """Protected pointers of a model, such as production."""


@stages.command("list")
@options.model
@pass_state
def list_stages(state: State, model: str) -> None:
    """All stages of a model, in their order."""

    found = list(state.client.iterate_stages(model))
    state.show(
        found,
        lambda: table(
            ["stage", "version", "since", "promotion", "held"],
            [(item.name, item.version, item.since, item.promotion_id, _hold(item.hold)) for item in found],
            empty=f"No stages. Make some: model-registry stages arrange {model!r} staging production",
        ),
    )


@stages.command("show")
@options.model
@options.stage
@click.option("--as-of", type=options.Moment(), help="What was current then.")
@pass_state
def show_stage(state: State, model: str, stage: str, as_of: datetime | None) -> None:
    """What is current in a stage, or was."""
    found = state.client.get_stage(model, stage, as_of=as_of)
    state.show(found, lambda: stage_text(found))


@stages.command("history")
@options.model
@options.stage
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def stage_history(state: State, model: str, stage: str, limit: int) -> None:
    """Everything that was current in a stage, newest first, and who let it through."""

    found = state.client.iterate_stage_history(model, stage, limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["from", "change", "version", "before", "by", "promotion", "reason"],
            [
                (item.at, item.change, item.version, item.previous, item.by, item.promotion_id, item.reason or None)
                for item in items
            ],
            empty="Nothing was ever current here.",
        ),
    )


@stages.command("hold")
@options.model
@options.stage
@options.reason
@click.option("--until", type=options.Moment(future=True), help="A time, or 2h, 3d from now; else until released.")
@pass_state
def hold_stage(state: State, model: str, stage: str, reason: str, until: datetime | None) -> None:
    """Let no promotion enter the stage."""
    held = state.client.hold_stage(model, stage, HoldStage(reason=reason, until=until))
    state.show(held, lambda: stage_text(held))


@stages.command("release")
@options.model
@options.stage
@pass_state
def release_stage(state: State, model: str, stage: str) -> None:
    """End the hold: your own, or as an approver one of somebody who may do no more than you."""
    released = state.client.release_stage(model, stage)
    state.show(released, lambda: stage_text(released))


@stages.command("vacate")
@options.model
@options.stage
@options.reason
@click.option("--from-version", type=int, help="Only if this is current; else what is current now, after asking.")
@options.yes
@pass_state
def vacate_stage(state: State, model: str, stage: str, reason: str, from_version: int | None, *, yes: bool) -> None:
    """Leave the stage without a version, where nothing good is left."""

    if from_version is None:
        from_version = _current_or_refuse(state, model, stage)
    state.confirm(f"Leave {stage} of {model} without a version (now {from_version})?", yes=yes)
    vacated = state.client.vacate_stage(model, stage, VacateStage(from_version=from_version, reason=reason))
    state.show(vacated, lambda: stage_text(vacated))


@stages.command("arrange")
@options.model
@click.argument("names", nargs=-1, required=True)
@pass_state
def arrange_stages(state: State, model: str, names: tuple[str, ...]) -> None:
    """Set all stages, in their order. New names are made; vacant, never used ones may be left out."""
    revision = state.client.get_model(model).revision
    page = state.client.arrange_stages(model, ArrangeStages(stages=list(names)), revision=revision)
    state.show(page.items, lambda: f"{model}: {joined([item.name for item in page.items])}")


@stages.command("clear-failure")
@options.model
@options.stage
@click.argument("version", type=int)
@options.reason
@pass_state
def clear_failure(state: State, model: str, stage: str, version: int, reason: str) -> None:
    """Let a version that a rollback abandoned come back to the stage."""
    cleared = state.client.clear_failure(model, stage, ClearFailure(version=version, reason=reason))
    state.show(cleared, lambda: stage_text(cleared))


@click.command("rollback", cls=Command)
@options.model
@options.stage
@options.reason
@click.option("--from-version", type=int, help="Undo this version only; else what is current now, after asking.")
@click.option("--promotion", shell_complete=completing.promotions, help="Undo what this promotion brought.")
@click.option(
    "--to",
    "target",
    metavar="SELECTOR",
    shell_complete=completing.selectors,
    help="Go back to this; else the last that is still good.",
)
@click.option("--hold", is_flag=True, help="Then let no promotion enter the stage.")
@click.option("--until", type=options.Moment(future=True), help="Until when to hold: a time, or 2h, 3d from now.")
@options.people
@options.yes
@pass_state
def rollback(
    state: State,
    model: str,
    stage: str,
    reason: str,
    from_version: int | None,
    promotion: str | None,
    target: str | None,
    until: datetime | None,
    people: tuple[str, ...],
    *,
    hold: bool,
    yes: bool,
) -> None:
    """Bring back the version that was current before. Done once, however often it is asked for."""

    if until is not None and not hold:
        raise click.UsageError("--until goes with --hold.")
    if from_version is None and promotion is None and yes:
        raise click.UsageError(
            "With --yes, say what to undo: --from-version or --promotion. Unbound, each call would go back once more."
        )
    if from_version is None and promotion is None:
        from_version = _current_or_refuse(state, model, stage)
    what = f"promotion {promotion}" if from_version is None else f"version {from_version}"
    state.confirm(f"Take {what} of {model} out of {stage}, back to {target or 'the one before'}?", yes=yes)
    body = RollBack(
        reason=reason,
        from_version=from_version,
        promotion=promotion,
        to=target,
        hold=RollbackHold(reason=reason, until=until) if hold else None,
        people=list(people),
    )
    done = state.client.roll_back(model, stage, body)
    state.show(done, lambda: _rolled_back_text(done))


def _rolled_back_text(done: Promotion) -> str:
    text = f"{done.stage} of {done.model_name} is version {done.version} again, {done.digest}"
    if done.replaces is None:
        return text
    return (
        f"{text}\nVersion {done.replaces} failed here, and stays out. To let it back: model-registry stages"
        f" clear-failure {shlex.quote(done.model_name)} {done.stage} {done.replaces}"
    )


def stage_text(stage: Stage) -> str:
    return facts(
        {
            "stage": f"{stage.model_name} {stage.name}",
            "version": "vacant" if stage.version is None else stage.version,
            "digest": stage.digest,
            "since": stage.since,
            "promotion": stage.promotion_id,
            "held": _hold(stage.hold),
            "failed here": joined(stage.failed),
            "policies": joined([f"{pin.name} v{pin.version}" for pin in stage.policies]),
        }
    )


def _current_or_refuse(state: State, model: str, stage: str) -> int:
    current = state.client.get_stage(model, stage).version
    if current is None:
        raise Stopped("stage_vacant", f"Nothing is current in {stage} of {model}.")
    return current


def _hold(hold: Hold | None) -> str | None:
    if hold is None:
        return None
    until = "until released" if hold.until is None else f"until {cell(hold.until)}"
    return f"{hold.reason} ({hold.by}, {until})"

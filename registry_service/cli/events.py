from __future__ import annotations

import click
import msgspec

from registry_service.cli import completing, options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import cell, printable, table
from registry_service.client import Event, MoveConsumer
from registry_service.domain.errors import RegistryError

_model = click.option(
    "--model", shell_complete=completing.models, help="Of this model, or of models of a pattern such as 'team-a.*'."
)
_stage = click.option("--stage", help="About this stage.")


@click.group(cls=Group)
def events() -> None:
    """The log of everything that happened."""


@events.command("list")
@click.option("--after", default="start", show_default=True, help="A cursor, start or latest.")
@options.kinds
@_model
@_stage
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def list_events(
    state: State, after: str, kinds: tuple[str, ...], model: str | None, stage: str | None, limit: int
) -> None:
    """Events, oldest first, and the cursor to go on with."""

    found: list[Event] = []
    cursor, before = after, ""
    while len(found) < limit and cursor != before:
        page = state.client.read_events(
            after=cursor, kinds=kinds, model=model, stage=stage, limit=min(limit - len(found), 200)
        )
        found += page.events
        cursor, before = page.cursor, cursor
    state.show({"events": found, "cursor": cursor}, lambda: "\n".join([*map(_line, found), f"cursor: {cursor}"]))


@events.command("follow")
@click.option("--after", help="A cursor, start or latest; else where the consumer is, or latest.")
@click.option(
    "--consumer",
    shell_complete=completing.consumers,
    help="Keep the place under this name in the registry, so that nothing is missed.",
)
@options.kinds
@_model
@_stage
@pass_state
def follow_events(
    state: State,
    after: str | None,
    consumer: str | None,
    kinds: tuple[str, ...],
    model: str | None,
    stage: str | None,
) -> None:
    """Events as they happen, one a line, until interrupted."""

    def troubled(error: RegistryError) -> None:
        click.echo(f"{printable(error.message)} Still trying.", err=True)

    # A consumer moves after its events were printed: who is interrupted in between sees some twice, and misses none.
    told = state.client.events(after=after, consumer=consumer, kinds=kinds, model=model, stage=stage, troubled=troubled)
    try:
        for event in told:
            click.echo(msgspec.json.encode(event) if state.as_json else _line(event))
    except KeyboardInterrupt:
        return


@events.group()
def consumers() -> None:
    """Named readers of the log, whose places the registry keeps."""


@consumers.command("list")
@pass_state
def list_consumers(state: State) -> None:
    """Your consumers, and how far each has read."""

    found = list(state.client.iterate_consumers())
    state.show(
        found,
        lambda: table(
            ["consumer", "cursor", "moved"],
            [(item.name, item.cursor, item.updated_at) for item in found],
            empty="No consumers. One is made by: model-registry events follow --consumer NAME",
        ),
    )


@consumers.command("move")
@click.argument("name", shell_complete=completing.consumers)
@click.argument("cursor")
@pass_state
def move_consumer(state: State, name: str, cursor: str) -> None:
    """Let a consumer go on at CURSOR: one that `list` printed, start or latest."""
    moved = state.client.move_consumer(name, MoveConsumer(cursor=cursor))
    state.show(moved, lambda: f"{moved.name} goes on at {moved.cursor}.")


@consumers.command("remove")
@click.argument("name", shell_complete=completing.consumers)
@pass_state
def remove_consumer(state: State, name: str) -> None:
    """Forget a consumer and its place."""
    state.client.remove_consumer(name)
    state.show({"removed": name}, lambda: f"Consumer {name} is forgotten.")


def _line(event: Event) -> str:
    about = " ".join(part for part in (event.model_name, event.subject) if part)
    details = " ".join(
        f"{key}={event.data[key]}" for key in ("stage", "version", "phase", "reason") if event.data.get(key)
    )
    return "  ".join(
        cell(part) for part in (event.at, event.kind, event.actor, about or None, details or "") if part != ""
    )

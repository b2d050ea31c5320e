from __future__ import annotations

import click

from registry_service.cli import options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import table
from registry_service.client import MoveAlias


@click.group(cls=Group)
def aliases() -> None:
    """Free, movable names of versions, such as @champion."""


@aliases.command("list")
@options.model
@pass_state
def list_aliases(state: State, model: str) -> None:
    """All aliases of a model."""

    found = list(state.client.iterate_aliases(model))
    state.show(
        found,
        lambda: table(
            ["alias", "version", "moved", "by"],
            [(f"@{item.name}", item.version, item.moved_at, item.moved_by) for item in found],
            empty=f"No aliases. Make one: model-registry aliases move {model!r} champion latest",
        ),
    )


@aliases.command("move")
@options.model
@options.alias
@options.selector
@pass_state
def move_alias(state: State, model: str, alias: str, selector: str) -> None:
    """Point ALIAS to a version; makes it where it doesn't exist."""
    moved = state.client.move_alias(model, alias.removeprefix("@"), MoveAlias(version=selector))
    state.show(moved, lambda: f"{model} @{moved.name} is version {moved.version} ({moved.digest}).")


@aliases.command("remove")
@options.model
@options.alias
@pass_state
def remove_alias(state: State, model: str, alias: str) -> None:
    """Remove ALIAS; its version stays."""
    name = alias.removeprefix("@")
    state.client.remove_alias(model, name)
    state.show({"removed": name}, lambda: f"{model} has no alias @{name} any more.")

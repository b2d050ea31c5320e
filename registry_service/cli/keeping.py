"""`versions delete`, `restore`, `legal-hold` and `lift-legal-hold`."""

from __future__ import annotations

import shlex

import click

from registry_service.cli import options
from registry_service.cli.state import Command, State, pass_state
from registry_service.client import DeleteVersion, LiftLegalHold, PlaceLegalHold


@click.command("delete", cls=Command)
@options.model
@options.selector
@options.reason
@options.yes
@pass_state
def delete_version(state: State, model: str, selector: str, reason: str, *, yes: bool) -> None:
    """Delete a version. Its number stays taken; its bytes stay for seven days."""

    version = state.client.get_version(model, selector)
    state.confirm(f"Delete {model} {version.number}?", yes=yes)
    gone = state.client.delete_version(model, version.number, DeleteVersion(reason=reason))
    state.show(
        gone,
        lambda: (
            f"{model} {gone.number} is deleted. For seven days an admin can bring it back: model-registry versions"
            f" restore {shlex.quote(model)} {gone.number}"
        ),
    )


@click.command("restore", cls=Command)
@options.model
@click.argument("number", type=click.IntRange(1))
@pass_state
def restore_version(state: State, model: str, number: int) -> None:
    """Bring a deleted version back."""
    back = state.client.restore_version(model, number)
    state.show(back, lambda: f"{model} {back.number} is back.")


@click.command("legal-hold", cls=Command)
@options.model
@options.selector
@options.reason
@pass_state
def place_legal_hold(state: State, model: str, selector: str, reason: str) -> None:
    """Keep a version from being deleted, by hand or by a rule, until the hold is lifted."""
    held = state.client.place_legal_hold(model, selector, PlaceLegalHold(reason=reason))
    state.show(held, lambda: f"{model} {held.number} is under a legal hold: {reason}")


@click.command("lift-legal-hold", cls=Command)
@options.model
@options.selector
@options.reason
@pass_state
def lift_legal_hold(state: State, model: str, selector: str, reason: str) -> None:
    """End a legal hold."""
    freed = state.client.lift_legal_hold(model, selector, LiftLegalHold(reason=reason))
    state.show(freed, lambda: f"{model} {freed.number} is under no legal hold any more.")


COMMANDS = (delete_version, restore_version, place_legal_hold, lift_legal_hold)

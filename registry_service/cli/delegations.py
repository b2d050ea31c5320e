"""Having somebody stand in at reviews."""

from __future__ import annotations

from datetime import datetime

import click

from registry_service.cli import completing, options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import table
from registry_service.client import Delegate, Delegation


@click.group(cls=Group)
def delegations() -> None:
    """Who stands in for whom at reviews."""


@delegations.command("list")
@click.option("--principal", shell_complete=completing.people, help="Those that this person gave or was given.")
@click.option("--in-force", is_flag=True, help="Those in force at this moment.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Show at most so many.")
@pass_state
def list_delegations(state: State, principal: str | None, limit: int, *, in_force: bool) -> None:
    """Who stands in for whom, the one that ends last first."""

    page = min(limit + 1, options.MAX_PAGE)
    found = state.client.iterate_delegations(principal=principal, in_force=in_force, limit=page)
    state.show_list(found, limit, _text)


@delegations.command("add")
@click.argument("person", shell_complete=completing.people)
@click.option("--until", type=options.Moment(future=True), required=True, help="A time, or 14d from now.")
@click.option("--from", "starts_at", type=options.Moment(future=True), help="A time, or 3d from now; else now.")
@click.option("--reason", default="", help="Why, for the log.")
@pass_state
def delegate(state: State, person: str, until: datetime, starts_at: datetime | None, reason: str) -> None:
    """Have PERSON stand in for you. They fill your places where the policy allows it."""

    made = state.client.delegate(Delegate(to=person, until=until, starts_at=starts_at, reason=reason))
    state.show(made, lambda: _text([made]))


@delegations.command("end")
@click.argument("delegation", shell_complete=completing.delegations)
@pass_state
def end_delegation(state: State, delegation: str) -> None:
    """End one before its time, by its id. Reviews that were given until now count on."""

    ended = state.client.end_delegation(delegation)
    state.show(ended, lambda: _text([ended]))


def _text(shown: list[Delegation]) -> str:
    return table(
        ["id", "for", "stands in", "from", "until", "reason"],
        [(one.id, one.principal, one.to, one.starts_at, one.ended_at or one.until, one.reason) for one in shown],
        empty="Nobody.",
    )

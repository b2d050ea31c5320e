"""Following models, and reading what happened."""

from __future__ import annotations

from datetime import datetime

import click

from registry_service.cli import completing, options
from registry_service.cli.state import Command, Group, State, pass_state
from registry_service.cli.text import joined, table
from registry_service.client import Activity, Subscribe


@click.group(cls=Group)
def subscriptions() -> None:
    """The models that you follow."""


@subscriptions.command("list")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Show at most so many.")
@pass_state
def list_subscriptions(state: State, limit: int) -> None:
    """What you follow."""

    found = state.client.iterate_subscriptions(limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(
        found,
        limit,
        lambda shown: table(
            ["id", "pattern", "since"], [(one.id, one.pattern, one.created_at) for one in shown], empty="Nothing."
        ),
    )


@subscriptions.command("add")
@click.argument("pattern", shell_complete=completing.models)
@pass_state
def subscribe(state: State, pattern: str) -> None:
    """Follow the models that PATTERN matches: a name, or one with * and ?."""
    made = state.client.subscribe(Subscribe(pattern=pattern))
    state.show(made, lambda: f"You follow {made.pattern} ({made.id}).")


@subscriptions.command("remove")
@click.argument("subscription", shell_complete=completing.subscriptions)
@pass_state
def unsubscribe(state: State, subscription: str) -> None:
    """Follow no longer, by the id of the subscription."""
    state.client.unsubscribe(subscription)
    state.show({"removed": subscription}, lambda: f"Subscription {subscription} has ended.")


@click.command(cls=Command)
@click.option("--model", shell_complete=completing.models, help="What happened to this model.")
@click.option("--version", type=click.IntRange(1), help="What happened to this version of the model.")
@click.option("--person", shell_complete=completing.principals, help="What this person or service did.")
@click.option("--subscribed", is_flag=True, help="What concerns you: what you follow or own, where you are mentioned.")
@options.kinds
@click.option("--since", type=options.Moment(), help="From this time on, such as 2026-03-03T14:00 or now-7d.")
@click.option("--until", type=options.Moment(), help="Before this time.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def activity(
    state: State,
    model: str | None,
    version: int | None,
    person: str | None,
    kinds: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    limit: int,
    *,
    subscribed: bool,
) -> None:
    """What happened, the newest first."""

    found = state.client.iterate_activity(
        model=model,
        person=person,
        subscribed=subscribed,
        kinds=kinds,
        since=since,
        until=until,
        version=version,
        limit=min(limit + 1, options.MAX_PAGE),
    )
    state.show_list(found, limit, _activity_text)


def _activity_text(shown: list[Activity]) -> str:
    return table(
        ["at", "what", "by", "model", "about", "because"],
        [
            (
                one.event.at,
                one.event.kind,
                one.event.actor,
                one.event.model_name,
                one.event.subject,
                joined(one.concerns),
            )
            for one in shown
        ],
        empty="Nothing happened.",
    )

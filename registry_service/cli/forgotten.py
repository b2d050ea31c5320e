"""What looks forgotten, and what it takes up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from registry_service.cli import options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import joined, size, table

F = TypeVar("F", bound=Callable[..., Any])
_DAY: Final = 86_400


def _idle(default: str) -> Callable[[F], F]:
    return click.option("--idle", type=options.Span(), default=default, show_default=True, help="For at least so long.")


def _order(*names: str) -> Callable[[F], F]:
    return click.option("--order-by", type=click.Choice(names), help=f"Order; else by {names[0]}.")


_limit = click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")


@click.group(cls=Group)
def forgotten() -> None:
    """What looks forgotten, and what it takes up."""


@forgotten.command("models")
@_idle("0d")
@_order("size", "own_size", "idle_since", "name")
@_limit
@pass_state
def list_models(state: State, idle: int, order_by: str | None, limit: int) -> None:
    """What models take up, and when they were last used.

    SIZE counts each artifact once; OWN is what only this model needs, for those who may read all models.
    """

    descending = " desc" if order_by in ("size", "own_size") else ""
    order = None if order_by is None else order_by + descending
    found = state.client.iterate_model_stock(idle_days=_days(idle), order_by=order, limit=_page(limit))
    state.show_list(
        found,
        limit,
        lambda shown: table(
            ["model", "owners", "versions", "unused", "size", "own", "last used", "counted"],
            [
                (
                    one.model_name,
                    joined(one.owners),
                    one.versions,
                    one.unused,
                    size(one.size),
                    None if one.own_size is None else size(one.own_size),
                    one.last_used_at,
                    one.counted_at,
                )
                for one in shown
            ],
            empty="No models.",
        ),
    )


@forgotten.command("versions")
@_idle("90d")
@_order("size", "created_at")
@_limit
@pass_state
def list_versions(state: State, idle: int, order_by: str | None, limit: int) -> None:
    """Versions that were never in a stage, have no alias, and that nothing is known to use."""

    order = {"size": "size desc", "created_at": "created_at"}.get(order_by or "size")
    found = state.client.iterate_forgotten_versions(idle_days=_days(idle), order_by=order, limit=_page(limit))
    state.show_list(
        found,
        limit,
        lambda shown: table(
            ["model", "version", "size", "registered", "by", "last used", "legal hold"],
            [
                (
                    one.model_name,
                    one.version,
                    size(one.size),
                    one.created_at,
                    one.created_by,
                    one.last_used_at,
                    one.legal_hold,
                )
                for one in shown
            ],
            empty="No versions.",
        ),
    )


@forgotten.command("stages")
@_idle("90d")
@_limit
@pass_state
def list_stages(state: State, idle: int, limit: int) -> None:
    """Stages that have not changed for long."""

    found = state.client.iterate_forgotten_stages(idle_days=_days(idle), limit=_page(limit))
    state.show_list(
        found,
        limit,
        lambda shown: table(
            ["model", "stage", "version", "since", "last used"],
            [(one.model_name, one.stage, one.version, one.since, one.last_used_at) for one in shown],
            empty="No stages.",
        ),
    )


@forgotten.command("uploads")
@_idle("0d")
@_limit
@pass_state
def list_uploads(state: State, idle: int, limit: int) -> None:
    """Uploads that nobody finished: your own; all of them for who keeps the registry."""

    found = state.client.iterate_forgotten_uploads(idle_days=_days(idle), limit=_page(limit))
    state.show_list(
        found,
        limit,
        lambda shown: table(
            ["upload", "model", "by", "begun", "until", "files", "size", "received"],
            [
                (
                    one.id,
                    one.model_name,
                    one.principal,
                    one.created_at,
                    one.expires_at,
                    one.files,
                    size(one.size),
                    size(one.received),
                )
                for one in shown
            ],
            empty="No uploads are open.",
        ),
    )


def _days(seconds: int) -> int:
    """Whole days, rounded up: what is asked for is a least."""
    return -(-seconds // _DAY)


def _page(limit: int) -> int:
    return min(limit + 1, options.MAX_PAGE)

"""Full-text search."""

from __future__ import annotations

import click

from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import table


@click.command(cls=Command)
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="Show at most so many.")
@pass_state
def search(state: State, words: tuple[str, ...], limit: int) -> None:
    """Models and versions whose name, tags and description have all WORDS, the best first; the last word may be the
    beginning of one."""

    found = state.client.search(" ".join(words), limit=limit).items
    state.show(
        found,
        lambda: table(
            ["model", "version", "description"],
            [(one.model_name, one.version, one.description) for one in found],
            empty="Nothing in sight has all these words.",
        ),
    )

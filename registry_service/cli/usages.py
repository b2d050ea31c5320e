from __future__ import annotations

import click

from registry_service.cli import options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import facts, joined, table
from registry_service.client import ReportUsage, VersionUse


@click.group(cls=Group)
def usages() -> None:
    """What runs used versions for, and when that was last."""


@usages.command("list")
@options.model
@options.selector
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def list_usages(state: State, model: str, selector: str, limit: int) -> None:
    """What a version was used for, the newest first."""

    found = state.client.iterate_usages(model, selector, limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["batch", "run", "rows", "reported", "by"],
            [(item.batch, item.run, item.rows, item.reported_at, item.reported_by) for item in items],
            empty="No usages.",
        ),
    )


@usages.command("report")
@options.model
@options.selector
@click.argument("batch")
@click.argument("run")
@click.option("--rows", type=click.IntRange(0), help="On how many rows it was used.")
@click.option("--digest", help="The content digest that was used; refused where the version has another.")
@pass_state
def report_usage(
    state: State, model: str, selector: str, batch: str, run: str, rows: int | None, digest: str | None
) -> None:
    """Report that RUN used a version for BATCH, both references of your own. Said again, it is the same usage."""

    used = state.client.report_usage(model, selector, ReportUsage(batch=batch, run=run, rows=rows, digest=digest))
    state.show(used, lambda: f"Usage {used.ordinal} of {used.model_name} {used.version}: {used.batch} by {used.run}.")


@usages.command("show")
@options.model
@options.selector
@pass_state
def show_use(state: State, model: str, selector: str) -> None:
    """What a version is needed for, and when it was last used."""

    found = state.client.get_version_use(model, selector)
    state.show(found, lambda: _use_text(found))


def _use_text(found: VersionUse) -> str:
    return facts(
        {
            "version": f"{found.model_name} {found.version}",
            "digest": found.digest,
            "needed for": joined([f"{use.kind} {use.name}" for use in found.needed_for]) or "nothing",
            "usages": found.usages,
            "last used": found.last_used_at or "never",
        }
    )

from __future__ import annotations

from pathlib import Path

import click

from registry_service.cli import options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import joined, size, table
from registry_service.client import Check, CheckStatus, ReportCheck
from registry_service.domain.notebook import text_of


@click.group(cls=Group)
def checks() -> None:
    """What machines measured of a version."""


@checks.command("list")
@options.model
@options.selector
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def list_checks(state: State, model: str, selector: str, limit: int) -> None:
    """Reports, newest first; the latest of a name counts."""
    found = state.client.iterate_checks(model, selector, limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(found, limit, checks_text)


@checks.command("report")
@options.model
@options.selector
@click.argument("name")
@click.argument("status", type=click.Choice(CheckStatus, case_sensitive=False))
@click.option("--summary", default="", help="One line.")
@click.option("--evidence", type=options.JSON_FILE, help="JSON object in a file; - reads it from stdin.")
@click.option("--url", help="Where the evidence can be read.")
@click.option(
    "--attach",
    "attached",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A file, such as a plot or a report, of at most 64 MiB; may be given up to 16 times.",
)
@pass_state
def report_check(
    state: State,
    model: str,
    selector: str,
    name: str,
    status: CheckStatus,
    summary: str,
    evidence: Path | None,
    url: str | None,
    attached: tuple[Path, ...],
) -> None:
    """Report that the check NAME passed or failed."""

    body = ReportCheck(
        name=name,
        status=status,
        summary=summary,
        evidence={} if evidence is None else options.read_json(evidence, dict[str, object]),
        url=url,
    )
    files = {file.name: file for file in attached}
    if len(files) != len(attached):
        raise click.BadParameter("Two of these files have one name. Rename one.", param_hint="--attach")
    check = (
        state.client.report_with_attachments(model, selector, body, files)
        if files
        else state.client.report_check(model, selector, body)
    )
    state.show(check, lambda: f"{check.name} {check.status} for {check.model_name} {check.version}.")


@checks.command("download")
@options.model
@options.selector
@click.argument("check", type=click.IntRange(1))
@click.argument("destination", type=click.Path(path_type=Path, file_okay=False))
@pass_state
def download_attachments(state: State, model: str, selector: str, check: int, destination: Path) -> None:
    """Bring what is attached to the report with the id CHECK to DESTINATION, verified. `checks list` shows the ids."""

    found = state.client.download_attachments(model, selector, check, destination)
    state.show(found, lambda: "\n".join(f"{destination / one.name}  {size(one.size)}  {one.digest}" for one in found))


def checks_text(found: list[Check]) -> str:
    return table(
        ["id", "check", "status", "summary", "evidence", "url", "attached", "reported", "by"],
        [
            (
                item.id,
                item.name,
                item.status,
                item.summary or None,
                text_of(item.evidence) or None,
                item.url,
                joined([one.name for one in item.attachments]),
                item.reported_at,
                item.reported_by,
            )
            for item in found
        ],
        empty="No checks.",
    )

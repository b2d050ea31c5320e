from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import click

from registry_service.cli import completing, options
from registry_service.cli.promotions import with_end
from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import facts, joined, section, table
from registry_service.client import DeploymentRole, PromotionRecord, SpellEnd, VersionProvenance


@click.command(cls=Command)
@click.argument("digest", required=False)
@click.option("--deployment", help="Of the version of this deployment.")
@click.option("--target", shell_complete=completing.places, help="Of what was deployed there.")
@click.option(
    "--role",
    type=click.Choice(DeploymentRole, case_sensitive=False),
    default=DeploymentRole.PRIMARY,
    show_default=True,
    help="In this role, with --target.",
)
@click.option("--as-of", type=options.Moment(), help="At this time, with --target.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Show at most so many.")
@pass_state
def provenance(
    state: State,
    digest: str | None,
    deployment: str | None,
    target: str | None,
    role: DeploymentRole,
    as_of: datetime | None,
    limit: int,
) -> None:
    """From what is served to all that answers for it: run, commit, data, checks, approvals, stages, deployments. DIGEST
    is that of a version's content, or of one of its files; MODEL/SELECTOR does as well."""

    if sum(given is not None for given in (digest, deployment, target)) != 1:
        raise click.UsageError("Give one of DIGEST, --deployment and --target.")
    found: Iterable[VersionProvenance]
    at_once = min(limit + 1, options.MAX_PAGE)
    if digest is not None:
        if "/" in digest:
            model, _, selector = digest.rpartition("/")
            digest = state.client.get_version(model, selector).digest
        found = state.client.iterate_provenance(digest, limit=at_once)
    elif target is not None:
        found = state.client.iterate_served(target, role=role.value, as_of=as_of, limit=at_once)
    else:
        found = [state.client.get_deployment_provenance(str(deployment))]
    state.show_list(found, limit, _text)


def _text(found: list[VersionProvenance]) -> str:
    return "\n\n".join(_one(item) for item in found) or "No version that you may read."


def _one(found: VersionProvenance) -> str:
    version = found.version
    head = facts(
        {
            "version": f"{version.model_name} {version.number}",
            "status": version.status,
            "digest": version.digest,
            "found as": joined(found.files),
            "registered": version.created_at,
            "by": version.created_by,
            "took part": joined(found.people),
        }
    )
    lineage = [(edge.kind, "(hidden)" if edge.hidden else edge.ref, edge.digest) for edge in version.lineage]
    checks = [(check.name, check.status, check.reported_by, check.reported_at) for check in found.checks]
    spells = [
        (spell.stage, spell.since, spell.until, spell.change, spell.by, _ended(spell.ended)) for spell in found.spells
    ]
    running = [
        (one.target, one.role, one.status, one.observed_digest, one.started_at, one.ended_at)
        for one in found.deployments
    ]
    parts = (
        ("lineage", ["kind", "ref", "digest"], lineage),
        ("checks", ["check", "status", "by", "at"], checks),
        ("promotions", ["stage", "phase", "policies", "requested by", "reviews", "applied by"], _asked(found)),
        ("current in", ["stage", "since", "until", "change", "by", "ended"], spells),
        ("deployments", ["target", "role", "status", "observed", "started", "ended"], running),
    )
    return head + "".join("\n" + section(name, table(titles, rows, empty="")) for name, titles, rows in parts if rows)


def _ended(end: SpellEnd | None) -> str | None:
    if end is None:
        return None
    return f"{end.change} by {end.by}" + (f": {end.reason}" if end.reason else "")


def _asked(found: VersionProvenance) -> list[tuple[str | None, ...]]:
    return [
        (
            item.stage,
            item.phase,
            joined([f"{pin.name} {pin.version}" for pin in item.policies]),
            item.requested_by,
            _reviews(item),
            item.applied_by,
        )
        for item in found.promotions
    ]


def _reviews(item: PromotionRecord) -> str | None:
    return joined([with_end(f"{one.verdict} by {one.reviewer}", one, item.reviews) for one in item.reviews])

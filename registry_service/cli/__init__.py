"""The command `model-registry`: all that the registry can do, for people and for scripts.

Exit codes: 0 done; 1 refused; 2 used wrongly or not configured; 3 the registry can't be reached.
"""

from __future__ import annotations

from pathlib import Path

import click

from registry_service.cli import completing
from registry_service.cli.aliases import aliases
from registry_service.cli.browse import browse, sessions
from registry_service.cli.care import backup, fsck, gc, restore, scrub
from registry_service.cli.checks import checks
from registry_service.cli.comments import comments
from registry_service.cli.config import config
from registry_service.cli.delegations import delegations
from registry_service.cli.deployments import deployments
from registry_service.cli.events import events
from registry_service.cli.following import activity, subscriptions
from registry_service.cli.forgotten import forgotten
from registry_service.cli.inbox import inbox
from registry_service.cli.lineage import lineage
from registry_service.cli.live import live
from registry_service.cli.models import models
from registry_service.cli.policies import policies
from registry_service.cli.principals import principals
from registry_service.cli.promotions import promotions
from registry_service.cli.provenance import provenance
from registry_service.cli.retention import retention
from registry_service.cli.reviews import approve, reject, reviews
from registry_service.cli.search import search
from registry_service.cli.service import serve
from registry_service.cli.session import completion, login, logout, whoami
from registry_service.cli.stages import rollback, stages
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.tokens import tokens
from registry_service.cli.uploads import uploads
from registry_service.cli.usages import usages
from registry_service.cli.versions import versions

__all__ = ["main"]


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 refused; 2 used wrongly or not configured; 3 the registry can't be reached.",
)
@click.option("--url", help="The registry; else MODEL_REGISTRY_URL, or where you are logged in.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="File with the token; else MODEL_REGISTRY_TOKEN, MODEL_REGISTRY_TOKEN_FILE, or where you are logged in.",
)
@click.option(
    "--registry",
    metavar="NAME",
    shell_complete=completing.registries,
    help="A known registry; else MODEL_REGISTRY_NAME, or the one in use.",
)
@click.option("--profile", default="person", show_default=True, help="Whose login: person or airflow.")
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON; it may also stand at the end.")
@click.version_option(package_name="airflow-model-registry", prog_name="model-registry")
@pass_state
def main(
    state: State,
    url: str | None,
    token_file: Path | None,
    registry: str | None,
    profile: str,
    *,
    as_json: bool,
) -> None:
    """A model registry: versions, approvals, promotions and rollback."""
    state.url, state.token_file, state.registry = url, token_file, registry
    state.profile, state.as_json = profile, as_json


for command in (
    serve,
    login,
    logout,
    whoami,
    browse,
    sessions,
    config,
    models,
    versions,
    lineage,
    search,
    provenance,
    uploads,
    aliases,
    checks,
    promotions,
    approve,
    reject,
    reviews,
    comments,
    inbox,
    activity,
    subscriptions,
    delegations,
    stages,
    rollback,
    deployments,
    live,
    usages,
    policies,
    retention,
    forgotten,
    principals,
    tokens,
    events,
    fsck,
    gc,
    scrub,
    backup,
    restore,
    completion,
):
    main.add_command(command)

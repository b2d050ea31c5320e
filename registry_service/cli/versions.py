from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar, Unpack

import click
import msgspec

from registry_service.cli import archives, cards, completing, keeping, options
from registry_service.cli.facets import facet_options, facets_text
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import count, document, facts, joined, section, size, table
from registry_service.cli.transfers import transfer_progress
from registry_service.client import (
    Comparison,
    Manifest,
    Metadata,
    ModelVersion,
    NewLineageEdge,
    Replaceability,
    RevocationImpact,
    RevokedVersion,
    RevokeVersion,
    Signature,
    UpdateVersion,
)
from registry_service.client.plans import directory_of
from registry_service.domain.metadata import INDEXED_FIELDS

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Group)
def versions() -> None:
    """Versions of a model."""


@versions.command("list")
@options.model
@options.listing
@pass_state
def list_versions(state: State, model: str, where: str | None, order_by: str | None, limit: int) -> None:
    """Versions, filtered such as "metrics.auc > 0.9 AND status = 'ready'"."""

    found = state.client.iterate_versions(model, **options.paging(where, order_by, limit))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["version", "status", "current in", "aliases", "metrics", "size", "created", "by"],
            [
                (
                    item.number,
                    item.status,
                    joined(item.stages),
                    joined([f"@{name}" for name in item.aliases]),
                    _metrics(item.metadata),
                    size(item.size),
                    item.created_at,
                    item.created_by,
                )
                for item in items
            ],
            empty=f"No versions. Register one: model-registry versions register {model!r} PATH",
        ),
    )


@versions.command("find")
@options.listing
@pass_state
def find_versions(state: State, where: str | None, order_by: str | None, limit: int) -> None:
    """Versions of all models that you may read, such as --filter "stage = 'production' AND metrics.auc < 0.9" or
    --filter "checks.evaluation = 'failed'", and --order-by "metrics.auc desc"."""

    found = state.client.iterate_all_versions(**options.paging(where, order_by, limit))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["model", "version", "status", "current in", "aliases", "metrics", "created", "by"],
            [
                (
                    item.model_name,
                    item.number,
                    item.status,
                    joined(item.stages),
                    joined([f"@{name}" for name in item.aliases]),
                    _metrics(item.metadata),
                    item.created_at,
                    item.created_by,
                )
                for item in items
            ],
            empty="No such versions in sight. `model-registry models list` shows what there is.",
        ),
    )


@versions.command("facets")
@facet_options
@pass_state
def count_facets(state: State, fields: tuple[str, ...], where: str | None, limit: int) -> None:
    """Which values FIELDS such as framework and tags.team have, and how many versions have each."""

    found = state.client.count_facets(fields, filter=where, limit=limit)
    state.show(found, lambda: facets_text(found, "version"))


@versions.command("show")
@options.model
@click.argument("selector", default="latest", shell_complete=completing.selectors)
@click.option("--as-of", type=options.Moment(), help="What the selector named then.")
@click.option("--files", is_flag=True, help="The files too.")
@pass_state
def show_version(state: State, model: str, selector: str, as_of: datetime | None, *, files: bool) -> None:
    """One version. SELECTOR: 7, latest, @champion, @production or a digest."""

    version = state.client.get_version(model, selector, as_of=as_of)
    if not files:
        state.show(version, lambda: version_text(version))
        return
    manifest = state.client.get_manifest(model, version.number)
    state.show(
        {"version": version, "manifest": manifest}, lambda: f"{version_text(version)}\n{_manifest_text(manifest)}"
    )


_SINGLE: Final = frozenset({*INDEXED_FIELDS, "framework_version", "score"})


class MetadataOptions(TypedDict):
    metadata: Path | None
    metrics: tuple[tuple[str, float], ...]
    params: tuple[tuple[str, str], ...]
    framework: str | None
    framework_version: str | None
    format: str | None
    precision: str | None
    architecture: str | None
    task: str | None
    target_device: str | None
    target_device_type: str | None
    category: str | None
    origin: str | None
    project_id: str | None
    project_name: str | None
    score: float | None
    labels: tuple[str, ...]


def metadata_options(function: F) -> F:
    for option in reversed(
        (
            click.option(
                "--metadata", type=options.JSON_FILE, help="JSON file of all metadata; - reads it from stdin."
            ),
            click.option("--metric", "metrics", type=options.Measure(), multiple=True),
            click.option("--param", "params", type=options.Pair(), multiple=True),
            click.option("--framework"),
            click.option("--framework-version"),
            click.option("--format", help="File format, such as onnx."),
            click.option("--precision"),
            click.option("--architecture"),
            click.option("--task"),
            click.option("--target-device"),
            click.option("--target-device-type"),
            click.option("--category"),
            click.option("--origin", help="The system that the model came from."),
            click.option("--project-id", help="Its project there."),
            click.option("--project-name"),
            click.option("--score", type=float),
            click.option("--label", "labels", multiple=True),
        )
    ):
        function = option(function)
    return function


@versions.command("register")
@options.model
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@metadata_options
@click.option("--description", default="", help="Markdown.")
@click.option("--tag", "tags", type=options.Pair(), multiple=True)
@click.option("--alias", "aliases", multiple=True, help="Point these aliases to the new version.")
@click.option("--identity", help="Makes it safe to repeat: a version of this identity is answered again.")
@click.option("--lineage", type=options.Edge(), multiple=True, help="What made it, such as code_commit=4f1c2d9.")
@options.people
@click.option("--source-uri", help="Where it comes from; only kept as text.")
@click.option("--create/--no-create", "create_model", default=True, help="Make the model where it doesn't exist.")
@pass_state
def register_version(
    state: State,
    model: str,
    path: Path,
    description: str,
    tags: tuple[tuple[str, str], ...],
    aliases: tuple[str, ...],
    identity: str | None,
    lineage: tuple[NewLineageEdge, ...],
    people: tuple[str, ...],
    source_uri: str | None,
    *,
    create_model: bool,
    **metadata: Unpack[MetadataOptions],
) -> None:
    """Register the file or directory PATH as the next version. Interrupted, the same command goes on: what has arrived
    of files of 64 MiB or more is kept for a day."""

    version = state.client.register(
        model,
        path,
        metadata=_metadata(metadata),
        description=description,
        tags=dict(tags),
        aliases=aliases,
        lineage=lineage,
        identity=identity,
        source_uri=source_uri,
        people=people,
        create_model=create_model,
        progress=transfer_progress(),
    )
    if version.recommended_missing:
        state.say(f"Recommended and missing: {joined(version.recommended_missing)}")
    state.show(version, lambda: f"{version_text(version)}\n\n{_next(version)}")


@versions.command("download")
@options.model
@options.selector
@click.argument("destination", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--reason", help="Why, of a revoked version: for admins; the log keeps it.")
@pass_state
def download_version(state: State, model: str, selector: str, destination: Path | None, reason: str | None) -> None:
    """Bring all files to DESTINATION, or else to MODEL-NUMBER, verified. What is there already isn't fetched again."""

    progress = transfer_progress()
    manifest = state.client.download(model, selector, destination, progress=progress, reason=reason)
    place = directory_of(manifest) if destination is None else destination
    state.show(
        manifest,
        lambda: (
            f"{manifest.model_name} {manifest.number} is in {place}: {count(len(manifest.files), 'file')},"
            f" {size(sum(file.size for file in manifest.files))}, {manifest.digest}"
        ),
    )


@versions.command("revoke")
@options.model
@options.selector
@options.reason
@options.yes
@pass_state
def revoke_version(state: State, model: str, selector: str, reason: str, *, yes: bool) -> None:
    """Withdraw a version for good: it can't be downloaded, promoted or restored any more."""

    impact = state.client.revoke_impact(model, selector)
    if not yes:
        state.say(impact_text(impact))
    state.confirm(f"Revoke {model} {impact.version}?", yes=yes)
    revoked = state.client.revoke_version(model, impact.version, RevokeVersion(reason=reason))
    state.show(revoked, lambda: _revoked_text(revoked, reason))


@versions.command("impact")
@options.model
@options.selector
@pass_state
def revoke_impact(state: State, model: str, selector: str) -> None:
    """What revoking a version would touch. Nothing is changed."""
    impact = state.client.revoke_impact(model, selector)
    state.show(impact, lambda: impact_text(impact))


@versions.command("update")
@options.model
@options.selector
@click.option("--description", help="Markdown, in place of what is there.")
@click.option("--tag", "tags", type=options.Pair(), multiple=True, help="Set a tag; the others stay.")
@click.option("--remove-tag", "removed", multiple=True, metavar="KEY")
@pass_state
def update_version(
    state: State,
    model: str,
    selector: str,
    description: str | None,
    tags: tuple[tuple[str, str], ...],
    removed: tuple[str, ...],
) -> None:
    """Change description or tags. Files and metadata never change."""

    before = state.client.get_version(model, selector)
    kept = {key: value for key, value in before.tags.items() if key not in removed} | dict(tags)
    body = UpdateVersion(description=options.given(description), tags=options.given(kept if tags or removed else None))
    after = state.client.update_version(model, before.number, body)
    state.show(after, lambda: version_text(after))


@versions.command("tag")
@options.model
@options.selector
@click.argument("tags", type=options.Pair(), nargs=-1)
@click.option("--remove", "removed", multiple=True, metavar="KEY")
@pass_state
def tag_version(
    state: State, model: str, selector: str, tags: tuple[tuple[str, str], ...], removed: tuple[str, ...]
) -> None:
    """Set tags, given as key=value; the others stay."""

    if not tags and not removed:
        raise click.UsageError("Give key=value, or --remove KEY.")
    before = state.client.get_version(model, selector)
    kept = {key: value for key, value in before.tags.items() if key not in removed} | dict(tags)
    after = state.client.update_version(model, before.number, UpdateVersion(tags=kept))
    state.show(after, lambda: f"{model} {after.number}: {joined(after.tags) or 'no tags'}")


@versions.command("compare")
@click.argument("named", nargs=-1, required=True, metavar="MODEL/SELECTOR", shell_complete=completing.references)
@click.option("--all", "everything", is_flag=True, help="Also the params, fields and files that don't differ.")
@pass_state
def compare_versions(state: State, named: tuple[str, ...], *, everything: bool) -> None:
    """2 to 20 versions side by side, such as fraud/7 fraud/@production. * marks the best of each metric; differences
    are to the first."""

    found = state.client.compare_versions(named, everything=everything)
    state.show(found, lambda: _comparison_text(found))


for _command in (*keeping.COMMANDS, *archives.COMMANDS, cards.show_version_card):
    versions.add_command(_command)


def version_text(version: ModelVersion) -> str:
    metadata = version.metadata
    signature = metadata.signature or Signature()
    text = facts(
        {
            "version": f"{version.model_name} {version.number}",
            "status": version.status,
            "revoked": None if version.revoked is None else f"{version.revoked.reason} ({version.revoked.by})",
            "legal hold": None
            if version.legal_hold is None
            else f"{version.legal_hold.reason} ({version.legal_hold.by})",
            "digest": version.digest,
            "current in": joined(version.stages),
            "aliases": joined([f"@{name}" for name in version.aliases]),
            "files": f"{version.file_count}, {size(version.size)}",
            "metrics": _metrics(metadata),
            "params": joined(metadata.params),
            "framework": " ".join(filter(None, (metadata.framework, metadata.framework_version))) or None,
            "format": metadata.format,
            "precision": metadata.precision,
            "architecture": metadata.architecture,
            "task": metadata.task,
            "target device": metadata.target_device,
            "device type": metadata.target_device_type,
            "category": metadata.category,
            "origin": metadata.origin,
            "project": " ".join(filter(None, (metadata.project_name, metadata.project_id))) or None,
            "score": metadata.score,
            "labels": joined(metadata.labels),
            "overview": document(metadata.overview),
            "optimization": document(metadata.optimization_capabilities),
            "extra": document(metadata.extra),
            "takes": document(signature.inputs),
            "gives": document(signature.outputs),
            "tags": joined(version.tags),
            "identity": version.identity,
            "source": version.source_uri,
            "created": version.created_at,
            "created by": version.created_by,
            "url": version.url,
        }
    )
    if version.lineage:
        text += "\n" + section(
            "lineage",
            table(["kind", "ref"], [(e.kind, "(hidden)" if e.hidden else e.ref) for e in version.lineage], empty=""),
        )
    return text + (("\n" + section("description", version.description)) if version.description else "")


def impact_text(impact: RevocationImpact) -> str:
    """What hangs on the content, one kind a line."""

    return facts(
        {
            "version": f"{impact.model_name} {impact.version}",
            "digest": impact.digest,
            "goes with it": joined([str(number) for number in impact.versions if number != impact.version]),
            "current in": joined([one.stage for one in impact.stages]),
            "aliases": joined([f"@{name}" for name in impact.aliases]),
            "promotions": joined(impact.promotions),
            "runs at": _runs_at(impact),
            "made from it": _made_from(impact),
        }
    )


def _runs_at(impact: RevocationImpact) -> str | None:
    return joined([f"{one.target} ({one.role})" for one in impact.deployments])


def _made_from(impact: RevocationImpact) -> str | None:
    derived = [f"{one.model_name} {one.version}" for one in impact.derived]
    return joined(derived if impact.derived_complete else [*derived, "and more"])


def _revoked_text(version: RevokedVersion, reason: str) -> str:
    text = f"{version.model_name} {version.number} is revoked: {reason}"
    if version.impact.deployments:
        text += f"\nIt still runs at {_runs_at(version.impact)}."
    if version.impact.derived:
        text += f"\nMade from it: {_made_from(version.impact)}."
    model = shlex.quote(version.model_name)
    for stage in version.stages:
        text += (
            f"\nIt is still current in {stage}.\nNext: model-registry rollback {model} {stage} --reason WHY\n"
            f"or, where nothing good is left: model-registry stages vacate {model} {stage} --reason WHY"
        )
    return text


def _comparison_text(found: Comparison) -> str:
    rows = [
        (line.name, *(f"{cell.text} *" if cell.best else cell.text or None for cell in line.cells))
        for line in found.lines()
    ]
    text = table(["", *found.headings()], rows, empty="")
    findings = [
        (heading, finding.side, finding.path or None, finding.message)
        for heading, one in zip(found.headings(), found.replaceable, strict=True)
        for finding in one.findings
        if finding.path or finding.verdict is not Replaceability.UNKNOWN
    ]
    if findings:
        text += "\n" + section("signatures", table(["version", "of", "path", "finding"], findings, empty=""))
    elif any(one.findings for one in found.replaceable):
        text += "\n\nNot all of them have a signature by which to compare what they take and give."
    if found.files is None:
        text += "\n\nThe files are too many to compare."
    elif found.files.left_out:
        text += f"\n\n{count(found.files.left_out, 'more path')} of files."
    return text


def _manifest_text(manifest: Manifest) -> str:
    rows = [(file.path, size(file.size), file.media_type, file.digest) for file in manifest.files]
    return section("files", table(["path", "size", "media type", "digest"], rows, empty=""))


def _next(version: ModelVersion) -> str:
    model = shlex.quote(version.model_name)
    return f"Next: model-registry promotions request {model} {version.number} --stage STAGE"


def _metrics(metadata: Metadata) -> str | None:
    return joined({name: f"{value:g}" for name, value in metadata.metrics.items()})


def _metadata(given: MetadataOptions) -> Metadata:
    """The file's metadata, with single options over it."""

    file = given["metadata"]
    base = Metadata() if file is None else options.read_json(file, Metadata)
    return msgspec.structs.replace(
        base,
        metrics=base.metrics | dict(given["metrics"]),
        params=base.params | {key: options.scalar(text) for key, text in given["params"]},
        labels=given["labels"] or base.labels,
        **{name: value for name, value in given.items() if name in _SINGLE and value is not None},
    )

"""`versions export`, `verify-archive`, `import` and `copy`."""

from __future__ import annotations

import shlex
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from registry_service.cli import completing, options
from registry_service.cli.progress import progress_text
from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import count, facts, joined, size
from registry_service.cli.transfers import transfer_progress
from registry_service.client import Archive, Credentials, ImportedVersion, verify_archive
from registry_service.client.credentials import NAME, TOKEN, TOKEN_FILE, URL, find
from registry_service.client.registries import own

_ARCHIVE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
_DIGEST = click.option("--digest", help="The content digest that it has to have, as known from elsewhere.")


@click.command("export", cls=Command)
@options.version
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The archive, such as fraud-7.mra.",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@pass_state
def export_version(state: State, version: tuple[str, str], output: Path, *, overwrite: bool) -> None:
    """Write a version into one file, to be imported into another registry: files, metadata, and what was said and
    decided here as a record."""

    model, selector = version
    archive = state.client.export_version(model, selector, output, overwrite=overwrite, progress=transfer_progress())
    state.show(
        archive, lambda: f"{_archive_text(archive)}\n\nNext: model-registry versions verify-archive {_quoted(output)}"
    )


@click.command("verify-archive", cls=Command)
@_ARCHIVE
@_DIGEST
@pass_state
def check_archive(state: State, file: Path, digest: str | None) -> None:
    """Check every byte of an archive. No registry is needed, and nothing is unpacked."""

    archive = verify_archive(file, digest=digest, progress=transfer_progress())
    state.show(archive, lambda: f"Sound.\n{_archive_text(archive)}")


@click.command("import", cls=Command)
@_ARCHIVE
@click.option("--model", help="Its model here; else the one that it had.")
@_DIGEST
@click.option("--create/--no-create", "create_model", default=True, help="Make the model where it doesn't exist.")
@click.option("--promote", metavar="STAGE", help="Request a promotion to this stage as well.")
@click.option("--reason", default="", help="Why it should be promoted.")
@pass_state
def import_archive(
    state: State,
    file: Path,
    model: str | None,
    digest: str | None,
    promote: str | None,
    reason: str,
    *,
    create_model: bool,
) -> None:
    """Register the version of an archive, with the same content digest. What was reviewed elsewhere counts for nothing
    here. A version that is there already is the answer."""

    imported = state.client.import_archive(
        file,
        model=model,
        digest=digest,
        create_model=create_model,
        promote=promote,
        reason=reason,
        progress=transfer_progress(),
    )
    state.show(imported, lambda: _imported_text(imported))


@click.command("copy", cls=Command)
@options.version
@click.option(
    "--to",
    "target",
    required=True,
    metavar="REGISTRY",
    help="A known registry: `config list`.",
    shell_complete=completing.registries,
)
@click.option("--model", help="Its model there; else the one that it has.")
@click.option("--create/--no-create", "create_model", default=True, help="Make the model where it doesn't exist.")
@click.option("--promote", metavar="STAGE", help="Request a promotion to this stage as well.")
@click.option("--reason", default="", help="Why it should be promoted.")
@pass_state
def copy_version(
    state: State,
    version: tuple[str, str],
    target: str,
    model: str | None,
    promote: str | None,
    reason: str,
    *,
    create_model: bool,
) -> None:
    """Export a version and import it into another registry, by an archive that is removed afterwards. It needs as much
    room in the directory for temporary files as the version has."""

    named, selector = version
    client = state.connect(_known(target))
    with TemporaryDirectory(prefix="model-registry-") as directory:
        file = Path(directory) / "version.mra"
        archive = state.client.export_version(named, selector, file, progress=transfer_progress())
        imported = client.import_archive(
            file,
            model=model,
            digest=archive.version.digest,
            create_model=create_model,
            promote=promote,
            reason=reason,
            progress=transfer_progress(),
        )
    state.show(imported, lambda: f"In {client.url}: {_imported_text(imported, target)}")


def _known(registry: str) -> Credentials:
    """Those that are kept for the registry: what the environment says is about the one that is asked."""
    asked = (URL, TOKEN, TOKEN_FILE, NAME)
    return find(registry=registry, environment={name: text for name, text in own(None).items() if name not in asked})


def _archive_text(archive: Archive) -> str:
    version, history = archive.version, archive.history
    return facts(
        {
            "version": f"{version.model_name} {version.number}",
            "digest": version.digest,
            "from": history.registry,
            "files": f"{len(version.files)}, {size(sum(file.size for file in version.files))}",
            "archive": size(archive.size),
            "registered": history.registered_at,
            "registered by": history.registered_by,
            "checks": joined({check.name: check.status.value for check in reversed(history.checks)}),
            "promotions": joined([f"{one.stage} {one.phase}" for one in history.promotions]),
            "exported": archive.record.exported_at,
            "exported by": archive.record.exported_by,
        }
    )


def _imported_text(imported: ImportedVersion, registry: str | None = None) -> str:
    version, promotion = imported.version, imported.promotion
    named = f"{version.model_name} {version.number}"
    model = shlex.quote(version.model_name)
    said = f"is there already, registered by {version.created_by}" if imported.existed else "is imported"
    text = f"{named} {said}: {count(version.file_count, 'file')}, {size(version.size)}, {version.digest}"
    if promotion is None:
        there = "" if registry is None else f" --registry {shlex.quote(registry)}"
        return f"{text}\nNext: model-registry{there} promotions request {model} {version.number} --stage STAGE"
    return f"{text}\n{progress_text(promotion, 'Requested')}"


def _quoted(file: Path) -> str:
    return shlex.quote(str(file))


COMMANDS = (export_version, check_archive, import_archive, copy_version)

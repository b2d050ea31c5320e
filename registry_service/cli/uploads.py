from __future__ import annotations

import click

from registry_service.cli import completing, options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import facts, joined, table


@click.group(cls=Group)
def uploads() -> None:
    """Uploads under way: bytes that no version has yet. `versions register`, called again, goes on with them."""


@uploads.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@pass_state
def list_uploads(state: State, limit: int) -> None:
    """Your own open uploads, the newest first."""

    found = state.client.iterate_uploads(**options.paging(None, None, limit))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["upload", "model", "files missing", "started", "expires"],
            [
                (
                    item.id,
                    item.model_name,
                    f"{len(item.missing)}{'+' if item.more else ''}",
                    item.created_at,
                    item.expires_at,
                )
                for item in items
            ],
            empty="No uploads are open.",
        ),
    )


@uploads.command("show")
@click.argument("upload", shell_complete=completing.uploads)
@pass_state
def show_upload(state: State, upload: str) -> None:
    """An upload of your own: the files that it still lacks."""

    found = state.client.get_upload(upload)
    state.show(
        found,
        lambda: facts(
            {
                "upload": found.id,
                "model": found.model_name,
                "started": found.created_at,
                "expires": found.expires_at,
                "missing": joined(found.missing) or "nothing",
            }
        ),
    )


@uploads.command("abort")
@click.argument("upload", shell_complete=completing.uploads)
@pass_state
def abort_upload(state: State, upload: str) -> None:
    """End an upload and forget its bytes."""
    state.client.abort_upload(upload)
    state.show({"aborted": upload}, lambda: f"Upload {upload} has ended; its bytes are not kept.")

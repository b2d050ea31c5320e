"""Model cards: `models card …`, and `versions card`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from registry_service.cli import options
from registry_service.cli.endings import Stopped
from registry_service.cli.state import Command, Group, State, pass_state
from registry_service.cli.text import cell, facts, printable, size, table
from registry_service.client import CardChanges, CardNotFound, CardRevision, ModelCard, VersionCard, WriteCard
from registry_service.domain.cards import MAX_CARD_BYTES

_FILE: Final = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.group(cls=Group)
def card() -> None:
    """What people write about a model for those who mean to use it."""


@card.command("show")
@options.model
@click.option("--digest", help="An earlier text, as `models card history` lists them.")
@pass_state
def show_card(state: State, model: str, digest: str | None) -> None:
    """The card as it is written: Markdown, with front matter in YAML where it has any."""

    try:
        found = state.client.get_card(model) if digest is None else state.client.get_card_revision(model, digest)
    except CardNotFound as error:
        raise CardNotFound(
            f"'{model}' has no such card. Write one: model-registry models card set", **error.details
        ) from error
    state.show(found, lambda: printable(found.text.removesuffix("\n")))


@card.command("set")
@options.model
@click.argument("file", type=_FILE)
@click.option(
    "--revision", type=click.IntRange(0), help="Refuse if the card isn't at this revision; 0: if there is one."
)
@pass_state
def set_card(state: State, model: str, file: Path, revision: int | None) -> None:
    """Give the model's card the text in FILE; - reads it from stdin."""

    written = state.client.write_card(model, WriteCard(text=_read(file)), revision=revision)
    state.show(written, lambda: f"The card of {written.model_name} is {written.digest}, revision {written.revision}.")


@card.command("history")
@options.model
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def list_history(state: State, model: str, limit: int) -> None:
    """The texts that the card has had, the newest first."""

    found = state.client.iterate_card_history(model, limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(found, limit, _history_text)


@click.command("card", cls=Command)
@options.model
@options.selector
@pass_state
def show_version_card(state: State, model: str, selector: str) -> None:
    """The card that a version was registered and approved with, and what the model's card says differently now."""

    found = state.client.get_version_card(model, selector)
    state.show(found, lambda: _version_card_text(found))


def _read(file: Path) -> str:
    """:raises Stopped: it is no text in UTF-8, or longer than a card may be."""

    data = sys.stdin.buffer.read(MAX_CARD_BYTES + 1) if str(file) == "-" else _beginning(file)
    if len(data) > MAX_CARD_BYTES:
        raise Stopped("file_failed", f"{file} has more than {size(MAX_CARD_BYTES)}, which is the limit for a card.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Stopped("file_failed", f"{file} can't be used: it is no text in UTF-8.") from error


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MAX_CARD_BYTES + 1)


def _history_text(found: list[CardRevision]) -> str:
    return table(
        ["revision", "digest", "size", "written", "by"],
        [(one.revision, one.digest, size(one.size), one.written_at, one.written_by) for one in found],
        empty="No card. Write one: model-registry models card set MODEL FILE",
    )


def _version_card_text(found: VersionCard) -> str:
    head = facts(
        {
            "version": f"{found.model_name}/{found.version}",
            "registered with": _named(found.registered_with) or "no card",
            "approved with": _named(found.approved_with),
            "card now": _named(found.current) or "no card",
        }
    )
    return head + _changed(found.card, found.changes)


def _named(revision: CardRevision | None) -> str | None:
    return None if revision is None else f"{revision.digest}, {cell(revision.written_at)}, {revision.written_by}"


def _changed(carried: ModelCard | None, changes: CardChanges | None) -> str:
    if carried is None or changes is None:
        return ""
    if carried.is_current or not (changes.fields or changes.sections):
        return "\n\nNothing was changed since."
    lines = [f"{one.change}  {cell(one.name)}" for one in changes.fields]
    lines += [f"{one.change}  # {cell(one.heading)}" for one in changes.sections]
    return "\n\nChanged since:\n" + "\n".join(f"  {line}" for line in lines + ([] if changes.complete else ["…"]))

"""Which versions are kept, and letting the others go."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

import click

from registry_service.cli import completing, options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import count, facts, joined, section, size, table
from registry_service.client import (
    Fate,
    PreviewedVersion,
    PreviewPhase,
    RetentionDocument,
    RetentionPreview,
    RetentionRule,
    RuleNotFound,
    StartPreview,
    WriteRetentionRule,
)

_SHOWN: Final = 20
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


@click.group(cls=Group)
def retention() -> None:
    """Which versions are kept, and letting the others go."""


@retention.command("list")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Show at most so many.")
@pass_state
def list_rules(state: State, limit: int) -> None:
    """The rules that hold. All that are about a model apply together."""

    found = state.client.iterate_retention_rules(limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(
        found,
        limit,
        lambda shown: table(
            ["rule", "version", "models", "keeps", "by itself"],
            [(one.name, one.version, one.document.pattern, _keeps(one.document), _turns(one)) for one in shown],
            empty="No rules: no version is ever let go.",
        ),
    )


@retention.command("show")
@click.argument("name", shell_complete=completing.retention_rules)
@click.option("--version", type=int, help="This version; else the newest.")
@pass_state
def show_rule(state: State, name: str, version: int | None) -> None:
    """One rule."""
    rule = state.client.get_retention_rule(name, version=version)
    state.show(rule, lambda: _rule_text(rule))


@retention.command("write")
@click.argument("name", shell_complete=completing.retention_rules)
@click.option("--model", "pattern", required=True, help="Name or pattern, such as 'churn*'.")
@click.option("--keep-last", type=int, help="Keep so many of the newest.")
@click.option("--keep-younger-than", type=options.Span(), help="Keep what is younger, such as 90d.")
@click.option("--keep-where", metavar="EXPRESSION", help='Keep what matches, such as "metrics.auc > 0.9".')
@click.option("--every", type=options.Span(), help="Let the service apply it by itself, such as 1d; else nobody does.")
@click.option("--description", default="", help="What it is for.")
@click.option("--version", type=int, help="The version that it replaces; else the newest now.")
@pass_state
def write_rule(state: State, /, name: str, version: int | None, **document: Any) -> None:
    """Write a rule, or its next version. It keeps what one of its options keeps, and lets the rest go."""

    body = WriteRetentionRule(document=RetentionDocument(name=name, **document))
    if version is None:
        version = _newest(state, name)
    rule = state.client.write_retention_rule(body, version=version)
    state.show(
        rule,
        lambda: (
            f"'{rule.name}' holds in version {rule.version}. Nothing was deleted.\n"
            f"Next: model-registry retention preview --model '{rule.document.pattern}'"
        ),
    )


@retention.command("end")
@click.argument("name", shell_complete=completing.retention_rules)
@options.yes
@pass_state
def end_rule(state: State, name: str, *, yes: bool) -> None:
    """Let a rule hold no longer. What it alone was about stays; what it kept may go by other rules."""

    state.confirm(f"End the retention rule '{name}'?", yes=yes)
    rule = state.client.end_retention_rule(name)
    state.show(rule, lambda: f"'{rule.name}' holds no longer.")


@retention.command("preview")
@click.option("--model", "pattern", default="*", show_default=True, help="Name or pattern, such as 'churn*'.")
@click.option("--continue", "preview", metavar="PREVIEW", help="Go on with one that was interrupted.")
@pass_state
def preview(state: State, pattern: str, preview: str | None) -> None:
    """What the rules would let go, and why the others stay. Nothing is deleted."""

    if preview is None:
        preview = state.client.start_preview(StartPreview(pattern=pattern)).id
    while True:
        found = state.client.continue_preview(preview)
        if found.phase is not PreviewPhase.JUDGING:
            break
        state.say(f"{count(found.versions, 'version')} of {count(found.models, 'model')} judged")
    state.show(found, lambda: _preview_text(state, found))


@retention.command("previews")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def list_previews(state: State, limit: int) -> None:
    """Previews of the last days, the newest first, with what came of them."""

    found = state.client.iterate_previews(limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(
        found,
        limit,
        lambda shown: table(
            ["preview", "at", "by", "models", "phase", "versions", "go", "deleted", "skipped"],
            [
                (
                    one.id,
                    one.created_at,
                    one.created_by if one.rule is None else f"{one.created_by} ({one.rule})",
                    one.pattern,
                    one.phase,
                    one.versions,
                    one.going,
                    one.deleted,
                    one.skipped,
                )
                for one in shown
            ],
            empty="No previews.",
        ),
    )


@retention.command("versions")
@click.argument("preview", shell_complete=completing.previews)
@click.option("--fate", type=click.Choice(list(Fate), case_sensitive=False), help="Only these.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def list_versions(state: State, preview: str, fate: Fate | None, limit: int) -> None:
    """The versions of a preview: which go, which stay, and why."""

    page = min(limit + 1, options.MAX_PAGE)
    found = state.client.iterate_previewed_versions(preview, fate=fate, limit=page)
    state.show_list(found, limit, _versions_text)


@retention.command("apply")
@click.argument("preview", shell_complete=completing.previews)
@options.yes
@pass_state
def apply(state: State, preview: str, *, yes: bool) -> None:
    """Delete what a preview lets go, as far as it may still go.

    It may be interrupted at any time, and called again. An admin may restore what was deleted for seven days.
    """

    found = state.client.get_preview(preview)
    if found.phase is not PreviewPhase.APPLIED:
        left = found.going - found.deleted - found.skipped
        state.confirm(f"Delete {count(left, 'version')} ({size(found.bytes_freed or 0)} in all)?", yes=yes)
    while True:
        found = state.client.apply_preview(preview)
        if found.phase is PreviewPhase.APPLIED:
            break
        state.say(f"{found.deleted} of {count(found.going, 'version')} deleted, {found.skipped} skipped")
    state.show(found, lambda: _applied_text(state, found))


def _newest(state: State, name: str) -> int | None:
    try:
        rule = state.client.get_retention_rule(name)
    except RuleNotFound:
        return None
    return rule.version if rule.ended_at is None else None


def _keeps(document: RetentionDocument) -> str:
    kept = [
        None if document.keep_last is None else f"the last {document.keep_last}",
        None if document.keep_younger_than is None else f"younger than {_span(document.keep_younger_than)}",
        None if document.keep_where is None else f"where {document.keep_where}",
    ]
    return ", or ".join(text for text in kept if text is not None)


def _turns(rule: RetentionRule) -> str | None:
    return None if rule.document.every is None else f"every {_span(rule.document.every)}"


def _span(seconds: int) -> str:
    factor, unit = next((factor, unit) for factor, unit in _UNITS if seconds % factor == 0)
    return f"{seconds // factor}{unit}"


def _rule_text(rule: RetentionRule) -> str:
    return facts(
        {
            "rule": rule.name,
            "version": rule.version,
            "models": rule.document.pattern,
            "keeps": _keeps(rule.document),
            "description": rule.document.description or None,
            "by itself": _turns(rule),
            "next": rule.next_at,
            "written": rule.created_at,
            "by": rule.created_by,
            "ended": rule.ended_at,
            "ended by": rule.ended_by,
        }
    )


def _preview_text(state: State, found: RetentionPreview) -> str:
    shown = list(islice(state.client.iterate_previewed_versions(found.id, fate=Fate.GOES), _SHOWN))
    lines = [f"{one.model_name} {one.version}  {size(one.size)}" for one in shown]
    if found.going > len(shown):
        lines.append(f"and {found.going - len(shown)} more: model-registry retention versions {found.id} --fate goes")
    freed = f"which frees {size(found.bytes_freed or 0)}"
    head = (
        f"{found.going} of {count(found.versions, 'version')} of {count(found.models, 'model')} would go, {freed}."
        f" Why others stay: model-registry retention versions {found.id} --fate stays"
    )
    parts = [head]
    if lines:
        parts.append(section("would go", "\n".join(lines)))
        parts.append(f"\nNext: model-registry retention apply {found.id}")
    return "\n".join(parts)


def _applied_text(state: State, found: RetentionPreview) -> str:
    text = f"{count(found.deleted, 'version')} deleted, {found.skipped} skipped."
    if not found.skipped:
        return text
    skipped = list(islice(state.client.iterate_previewed_versions(found.id, fate=Fate.SKIPPED), _SHOWN))
    return f"{text}\n{_versions_text(skipped)}"


def _versions_text(shown: list[PreviewedVersion]) -> str:
    return table(
        ["model", "version", "size", "registered", "fate", "kept by", "rules"],
        [
            (
                one.model_name,
                one.version,
                size(one.size),
                one.created_at,
                one.fate,
                joined([f"{keep.kind} {keep.name}".rstrip() for keep in one.kept_by]),
                joined(one.rules),
            )
            for one in shown
        ],
        empty="No versions.",
    )

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from registry_service.cli import completing, options
from registry_service.cli.promotions import decision_text
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import facts, joined, section, table
from registry_service.client import (
    AttachPolicy,
    Policy,
    PolicyChange,
    PolicyDocument,
    PolicyNotFound,
    TestPolicy,
    WritePolicy,
)
from registry_service.domain.policy_words import demands_in_words, terms_in_words

_force = click.option("--force", is_flag=True, help="Make open promotions stale that were asked for under other rules.")


@click.group(cls=Group)
def policies() -> None:
    """What a stage demands."""


@policies.command("list")
@pass_state
def list_policies(state: State) -> None:
    """The policies, and where they hold."""

    found = list(state.client.iterate_policies())
    attached = list(state.client.iterate_attachments())
    state.show(
        {"policies": found, "attachments": attached},
        lambda: (
            table(
                ["policy", "version", "description"],
                [(item.name, item.version, item.document.description or None) for item in found],
                empty="No policies: nothing can be promoted.",
            )
            + "\n"
            + section(
                "attached",
                table(
                    ["policy", "models", "stage", "", "attachment"],
                    [
                        (item.policy, item.model_pattern, item.stage, "default" if item.default else "", item.id)
                        for item in attached
                    ],
                    empty="Nowhere. Attach one: model-registry policies use solo --model '*'",
                ),
            )
        ),
    )


@policies.command("show")
@click.argument("name", shell_complete=completing.policies)
@click.option("--version", type=int, help="This version; else the newest.")
@pass_state
def show_policy(state: State, name: str, version: int | None) -> None:
    """One policy, as the JSON that `write` takes."""
    policy = state.client.get_policy(name, version=version)
    state.show(policy, lambda: _policy_text(policy))


@policies.command("write")
@click.argument("file", type=options.JSON_FILE)
@click.option("--version", type=int, help="The version that it replaces; else the newest now.")
@_force
@pass_state
def write_policy(state: State, file: Path, version: int | None, *, force: bool) -> None:
    """Write a policy, or its next version, from a JSON file (- is stdin)."""

    document = options.read_json(file, PolicyDocument)
    if version is None:
        version = _newest(state, document.name)
    change = state.client.write_policy(WritePolicy(document=document, force=force), version=version)
    state.show(
        change, lambda: _change_text(change, f"'{change.policy}' is written as version {change.result_version}.")
    )


@policies.command("use")
@click.argument("name", shell_complete=completing.policies)
@click.option("--model", "pattern", required=True, help="Name or pattern, such as 'churn*'.")
@click.option("--stage", default="*", show_default=True)
@click.option("--default", "is_default", is_flag=True, help="Only where no other policy is attached.")
@_force
@pass_state
def use_policy(state: State, name: str, pattern: str, stage: str, *, is_default: bool, force: bool) -> None:
    """Let a policy hold for models. All that are attached to a stage apply together."""
    _attach(state, AttachPolicy(policy=name, model_pattern=pattern, stage=stage, default=is_default, force=force))


@policies.command("attach")
@click.argument("name", shell_complete=completing.policies)
@click.argument("pattern", shell_complete=completing.models)
@click.argument("stage", default="*")
@click.option("--default", "is_default", is_flag=True, help="Only where no other policy is attached.")
@_force
@pass_state
def attach_policy(state: State, name: str, pattern: str, stage: str, *, is_default: bool, force: bool) -> None:
    """The same as `use`, by position."""
    _attach(state, AttachPolicy(policy=name, model_pattern=pattern, stage=stage, default=is_default, force=force))


@policies.command("detach")
@click.argument("attachment", shell_complete=completing.attachments)
@options.yes
@pass_state
def detach_policy(state: State, attachment: str, *, yes: bool) -> None:
    """Take a policy off the models of an attachment, whose id `list` shows."""
    if not yes:
        held = next((one for one in state.client.iterate_attachments() if one.id == attachment), None)
        what = attachment if held is None else f"'{held.policy}' from {_place(held.model_pattern, held.stage)}"
        state.confirm(f"Detach {what}?", yes=yes)
    change = state.client.detach_policy(attachment)
    state.show(change, lambda: _change_text(change, f"'{change.policy}' is detached."))


@policies.command("changes")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def list_changes(state: State, limit: int) -> None:
    """Changes of policy: who proposed, and who confirmed."""

    found = state.client.iterate_policy_changes(limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["change", "kind", "policy", "about", "proposed", "by", "confirmed", "by"],
            [
                (
                    item.id,
                    item.kind,
                    item.policy,
                    _about(item),
                    item.proposed_at,
                    item.proposed_by,
                    "withdrawn" if item.withdrawn_at else item.confirmed_at,
                    item.withdrawn_by or item.confirmed_by,
                )
                for item in items
            ],
            empty="No changes.",
        ),
    )


@policies.command("confirm")
@click.argument("change", shell_complete=completing.policy_changes)
@options.yes
@pass_state
def confirm_change(state: State, change: str, *, yes: bool) -> None:
    """Put a change into force, as a second person."""
    if not yes:
        found = next((one for one in state.client.iterate_policy_changes() if one.id == change), None)
        if found is not None and found.document is not None:
            click.echo("\n".join(f"- {one}" for one in demands_in_words(found.document)), err=True)
        what = f"the change {change}" if found is None else f"the {found.kind} of '{found.policy}', {_about(found)},"
        state.confirm(f"Put {what} into force?", yes=yes)
    confirmed = state.client.confirm_policy_change(change)
    state.show(
        confirmed,
        lambda: _change_text(
            confirmed,
            f"The {confirmed.kind} of '{confirmed.policy}' is in force: proposed by {confirmed.proposed_by},"
            f" confirmed by {confirmed.confirmed_by}.",
        ),
    )


@policies.command("withdraw")
@click.argument("change", shell_complete=completing.policy_changes)
@pass_state
def withdraw_change(state: State, change: str) -> None:
    """Take back a change that nobody has confirmed."""
    withdrawn = state.client.withdraw_policy_change(change)
    state.show(withdrawn, lambda: f"The {withdrawn.kind} of '{withdrawn.policy}' is withdrawn.")


@policies.command("test")
@options.model
@options.selector
@options.stage
@click.option("--file", type=options.JSON_FILE, help="Judge by this document; else by the policies in force.")
@pass_state
def test_policy(state: State, model: str, selector: str, stage: str, file: Path | None) -> None:
    """What the policies would say of a version. Nothing changes."""

    document = None if file is None else options.read_json(file, PolicyDocument)
    body = TestPolicy(model=model, version=selector, stage=stage, document=document)
    decision = state.client.test_policy(body)
    state.show(decision, lambda: decision_text(decision))


def _newest(state: State, name: str) -> int | None:
    try:
        return state.client.get_policy(name).version
    except PolicyNotFound:
        return None


def _attach(state: State, body: AttachPolicy) -> None:
    change = state.client.attach_policy(body)
    where = _place(body.model_pattern, body.stage)
    unless = ", where no other policy is attached" if body.default else ""
    state.show(change, lambda: _change_text(change, f"'{body.policy}' holds for {where}{unless}."))


def _about(change: PolicyChange) -> str:
    if change.document is not None:
        return f"in place of version {change.replaces}" if change.replaces else "the first version"
    if change.model_pattern is None:
        return "models out of your sight"
    return _place(change.model_pattern, change.stage or "*")


def _place(pattern: str, stage: str) -> str:
    return f"'{pattern}', {'all stages' if stage == '*' else stage}"


def _policy_text(policy: Policy) -> str:
    head = facts(
        {
            "policy": policy.name,
            "version": policy.version,
            "created": policy.created_at,
            "created by": policy.created_by,
        }
    )
    demands, terms = demands_in_words(policy.document), terms_in_words(policy.document)
    said = "\n".join(f"- {sentence}" for sentence in (*demands, *terms))
    document = msgspec.json.format(msgspec.json.encode(policy.document), indent=2).decode()
    return f"{head}\n\n{said}\n\n{document}"


def _change_text(change: PolicyChange, done: str) -> str:
    """`done` is what the change did, once it is in force."""

    if change.confirmed_by is None:
        return (
            f"Not in force yet: the {change.kind} of '{change.policy}' takes a second person.\n"
            f"Next: they run model-registry policies confirm {change.id}"
        )
    lines = [done]
    if change.stale_promotions:
        lines.append(f"Open promotions made stale: {joined(change.stale_promotions)}")
    if change.attachment_id is not None and change.kind == "attach":
        lines.append(f"Undo: model-registry policies detach {change.attachment_id}")
    return "\n".join(lines)

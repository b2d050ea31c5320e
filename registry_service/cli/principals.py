from __future__ import annotations

import shlex

import click

from registry_service.cli import completing, options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import facts, joined, table
from registry_service.client import (
    CreateGrant,
    CreatePrincipal,
    Principal,
    PrincipalKind,
    UpdatePrincipal,
    WriteGroup,
)


@click.group(cls=Group)
def principals() -> None:
    """People and services, and what they may do."""


@principals.command("list")
@options.listing
@pass_state
def list_principals(state: State, where: str | None, order_by: str | None, limit: int) -> None:
    """Everybody."""

    found = state.client.iterate_principals(**options.paging(where, order_by, limit))
    state.show_list(
        found,
        limit,
        lambda items: table(
            ["name", "kind", "roles", "groups", "owners", "disabled"],
            [
                (
                    item.name,
                    item.kind,
                    joined([f"{grant.role} on {grant.pattern}" for grant in item.grants]),
                    joined(item.groups),
                    joined(item.owners),
                    item.disabled,
                )
                for item in items
            ],
            empty="Nobody.",
        ),
    )


@principals.command("show")
@click.argument("name", shell_complete=completing.principals)
@pass_state
def show_principal(state: State, name: str) -> None:
    """One principal."""
    found = state.client.get_principal(name)
    state.show(found, lambda: principal_text(found))


@principals.command("create")
@click.argument("name")
@click.option("--kind", type=click.Choice(PrincipalKind, case_sensitive=False), required=True)
@click.option("--display-name", default="")
@click.option(
    "--owner", "owners", multiple=True, shell_complete=completing.people, help="Person who answers for a service."
)
@pass_state
def create_principal(state: State, name: str, kind: PrincipalKind, display_name: str, owners: tuple[str, ...]) -> None:
    """Make a person or a service."""
    body = CreatePrincipal(name=name, kind=kind, display_name=display_name, owners=list(owners))
    made = state.client.create_principal(body)
    state.show(made, lambda: principal_text(made))


@principals.command("update")
@click.argument("name", shell_complete=completing.principals)
@click.option("--display-name")
@click.option(
    "--owner",
    "owners",
    multiple=True,
    shell_complete=completing.people,
    help="All people who answer for a service, in place of those now.",
)
@pass_state
def update_principal(state: State, name: str, display_name: str | None, owners: tuple[str, ...]) -> None:
    """Change what is given."""

    body = UpdatePrincipal(display_name=options.given(display_name), owners=options.given(list(owners) or None))
    changed = state.client.update_principal(name, body)
    state.show(changed, lambda: principal_text(changed))


@principals.command("disable")
@click.argument("name", shell_complete=completing.principals)
@click.option("--undo", is_flag=True, help="Enable again.")
@pass_state
def disable_principal(state: State, name: str, *, undo: bool) -> None:
    """Let none of the principal's tokens work."""
    changed = state.client.update_principal(name, UpdatePrincipal(disabled=not undo))
    state.show(changed, lambda: f"{name} is {'disabled' if changed.disabled else 'enabled'}.")


@principals.command("grant")
@click.argument("name", shell_complete=completing.holders)
@click.argument("role")
@click.option(
    "--model",
    "pattern",
    default="*",
    show_default=True,
    shell_complete=completing.models,
    help="Name or pattern, such as 'team-a.*'.",
)
@click.option("--group", "is_group", is_flag=True, help="NAME is a group.")
@pass_state
def create_grant(state: State, name: str, role: str, pattern: str, *, is_group: bool) -> None:
    """Give a principal or group a ROLE: reader, contributor, approver, auditor or admin."""

    body = CreateGrant(
        role=role, pattern=pattern, principal=None if is_group else name, group=name if is_group else None
    )
    made = state.client.create_grant(body)
    state.show(made, lambda: f"{name} is {made.role} on {made.pattern} (grant {made.id}).")


@principals.command("ungrant")
@click.argument("grant")
@pass_state
def remove_grant(state: State, grant: str) -> None:
    """Take a grant back; `show` lists their ids."""
    state.client.remove_grant(grant)
    state.show({"removed": grant}, lambda: f"Grant {grant} is gone.")


@principals.group()
def groups() -> None:
    """Groups of people."""


@groups.command("list")
@pass_state
def list_groups(state: State) -> None:
    """All groups with their members."""

    found = list(state.client.iterate_groups())
    state.show(
        found,
        lambda: table(["group", "members"], [(item.name, joined(item.members)) for item in found], empty="No groups."),
    )


@groups.command("write")
@click.argument("name", shell_complete=completing.groups)
@click.argument("members", nargs=-1, shell_complete=completing.people)
@pass_state
def write_group(state: State, name: str, members: tuple[str, ...]) -> None:
    """Set all MEMBERS of a group; makes it where it doesn't exist."""
    written = state.client.write_group(name, WriteGroup(members=list(members)))
    state.show(written, lambda: f"{written.name}: {joined(written.members) or 'nobody'}")


@groups.command("remove")
@click.argument("name", shell_complete=completing.groups)
@pass_state
def remove_group(state: State, name: str) -> None:
    """Remove a group; what was granted to it is gone with it."""
    state.client.remove_group(name)
    state.show({"removed": name}, lambda: f"Group {name} is gone.")


def principal_text(principal: Principal) -> str:
    text = facts(
        {
            "name": principal.name,
            "kind": principal.kind,
            "display name": principal.display_name if principal.display_name not in {"", principal.name} else None,
            "owners": joined(principal.owners),
            "groups": joined(principal.groups),
            "disabled": principal.disabled or None,
            "created": principal.created_at,
        }
    )
    rows = [(item.role, item.pattern, item.group and f"group {item.group}", item.id) for item in principal.grants]
    empty = f"No roles. Give one: model-registry principals grant {shlex.quote(principal.name)} ROLE --model PATTERN"
    return f"{text}\n\n{table(['role', 'models', 'by', 'grant'], rows, empty=empty)}"

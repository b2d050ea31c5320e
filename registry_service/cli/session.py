"""Who one is: logging in and out, and completion for one's shell."""

from __future__ import annotations

import sys
from typing import Final

import click
from click.shell_completion import get_completion_class

from registry_service.cli.principals import principal_text
from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import cell, joined
from registry_service.client import Credentials
from registry_service.client.credentials import configured_url, find, profile_path, write_profile

_AT_HOME: Final = "http://127.0.0.1:8470"  # where `serve` is reached unless it is told otherwise


@click.command(cls=Command)
@pass_state
def login(state: State) -> None:
    """Keep a registry's address and a token for this user.

    The token is asked for, or read from --token-file, or from stdin where that is no terminal. It never stands on the
    command line.
    """

    file = profile_path(state.profile)
    suggestion = configured_url(state.profile) or _AT_HOME
    interactive = state.at_terminal
    url = state.url or (click.prompt("Registry", default=suggestion, err=True) if interactive else suggestion)
    if state.token_file is not None:
        token = find(url, token_file=state.token_file).token
    else:
        token = click.prompt("Token", hide_input=True, err=True) if interactive else sys.stdin.read().strip()
    client = state.connect(Credentials(url, token))
    me = client.who_am_i()
    write_profile(file, Credentials(client.url, token))
    state.show(
        me, lambda: f"Logged in at {client.url} as {me.principal.name}. The token expires {cell(me.token.expires_at)}."
    )


@click.command(cls=Command)
@pass_state
def logout(state: State) -> None:
    """Forget the token of this user. It works until it expires or is revoked."""
    file = profile_path(state.profile)
    was_there = file.exists()
    file.unlink(missing_ok=True)
    state.show({"removed": was_there}, lambda: f"{file} is removed." if was_there else "Nobody was logged in.")


@click.command(cls=Command)
@pass_state
def whoami(state: State) -> None:
    """Whom the token speaks for, and what it may do."""

    me = state.client.who_am_i()
    narrowed = joined([*([me.token.role] if me.token.role else []), *me.token.patterns])
    state.show(
        me,
        lambda: (
            f"{principal_text(me.principal)}\n\ntoken '{me.token.name}', expires {cell(me.token.expires_at)}"
            + (f", only for {narrowed}" if narrowed else "")
            + f"\nregistry {state.client.url}, version {me.registry_version}"
        ),
    )


@click.command(cls=Command, short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell, such as: eval "$(model-registry completion bash)"."""

    found = get_completion_class(shell)
    assert found is not None
    name = "model-registry"
    click.echo(found(ctx.find_root().command, {}, name, "_MODEL_REGISTRY_COMPLETE").source())

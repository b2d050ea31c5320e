"""Who one is: logging in and out, and completion for one's shell."""

from __future__ import annotations

import sys
from typing import Final

import click
from click.shell_completion import get_completion_class
from msgspec import structs

from registry_service.cli.endings import Stopped
from registry_service.cli.principals import principal_text
from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import cell, joined
from registry_service.client import Credentials
from registry_service.client.credentials import (
    checked_url,
    chosen_registry,
    configured_url,
    find,
    profile_path,
    write_profile,
)
from registry_service.client.registries import KnownRegistry, change_registries, config_path, read_registries

_AT_HOME: Final = "http://127.0.0.1:8470"  # where `serve` is reached unless it is told otherwise


@click.command(cls=Command)
@pass_state
def login(state: State) -> None:
    """Keep a registry's address and a token for this user.

    The token is asked for, or read from --token-file, or from stdin where that is no terminal. It never stands on the
    command line. With --registry, or one in use, it is kept for that, which is added where it isn't known.
    """

    file = config_path()
    name = state.registry or chosen_registry(state.profile)
    known = None if name is None else read_registries(file).registries.get(name)
    if known is not None and state.url is not None and checked_url(state.url) != known.url:
        raise Stopped("other_registry", f"'{name}' is at {known.url}. Name the one at {state.url}: --registry NAME")
    if name is not None and known is None and state.url is None and not state.at_terminal:
        raise Stopped("unknown_registry", f"'{name}' isn't known yet. Say where it is: --url URL")
    suggestion = known.url if known is not None else configured_url(state.profile) or _AT_HOME
    asks = state.at_terminal
    url = state.url or (click.prompt("Registry", default=suggestion, err=True) if asks else suggestion)
    if state.token_file is not None:
        token = find(url, token_file=state.token_file).token
    else:
        token = click.prompt("Token", hide_input=True, err=True) if asks else sys.stdin.read().strip()
    ca_file = None if known is None else known.ca_file
    client = state.connect(Credentials(url, token, ca_file))
    me = client.who_am_i()
    if name is None:
        write_profile(profile_path(state.profile), Credentials(client.url, token))
    else:
        kept = KnownRegistry(url=client.url, token=token, ca_file=ca_file)
        change_registries(file, lambda known: known.with_one(name, kept))
    state.show(
        me,
        lambda: (
            f"Logged in at {client.url} as {me.principal.name}{f', as {name}' if name else ''}."
            f" The token expires {cell(me.token.expires_at)}."
        ),
    )


@click.command(cls=Command)
@pass_state
def logout(state: State) -> None:
    """Forget the token of this user, or of a known registry. It works until it expires or is revoked."""

    name = state.registry or chosen_registry(state.profile)
    if name is not None:
        file = config_path()
        before = read_registries(file).named(name)
        change_registries(file, lambda known: known.with_one(name, structs.replace(known.named(name), token=None)))
        was_there, what = before.token is not None, f"The token for {name}"
    else:
        file = profile_path(state.profile)
        was_there, what = file.exists(), str(file)
        file.unlink(missing_ok=True)
    state.show({"removed": was_there}, lambda: f"{what} is removed." if was_there else "Nobody was logged in.")


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

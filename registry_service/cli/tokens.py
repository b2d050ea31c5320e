from __future__ import annotations

import os
from pathlib import Path

import click

from registry_service.cli import completing
from registry_service.cli.endings import Stopped
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import facts, joined, table
from registry_service.client import CreateToken, IssuedToken, Token
from registry_service.client.secrets import write_secret


@click.group(cls=Group)
def tokens() -> None:
    """What programs and people identify themselves with."""


@tokens.command("list")
@click.option("--principal", shell_complete=completing.principals, help="Of this principal (admins); else your own.")
@pass_state
def list_tokens(state: State, principal: str | None) -> None:
    """Tokens, without their secrets."""

    found = list(state.client.iterate_tokens(principal=principal))
    state.show(
        found,
        lambda: table(
            ["token", "name", "principal", "role", "models", "expires", "revoked"],
            [
                (item.id, item.name, item.principal, item.role, joined(item.patterns), item.expires_at, item.revoked_at)
                for item in found
            ],
            empty="No tokens.",
        ),
    )


@tokens.command("create")
@click.argument("name")
@click.option("--principal", shell_complete=completing.principals, help="For this principal; else for yourself.")
@click.option("--role", help="No more than this role.")
@click.option(
    "--model", "patterns", multiple=True, shell_complete=completing.models, help="Only for these names or patterns."
)
@click.option("--days", type=click.IntRange(1), default=90, show_default=True, help="How long it works.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it here (0600), show it nowhere."
)
@pass_state
def create_token(
    state: State,
    name: str,
    principal: str | None,
    role: str | None,
    patterns: tuple[str, ...],
    days: int,
    output: Path | None,
) -> None:
    """Make a token. It is shown this once."""

    if output is not None and not os.access(output.parent, os.W_OK):
        raise Stopped("file_failed", f"{output.parent} can't be written to. No token was made.")
    body = CreateToken(name=name, principal=principal, role=role, patterns=list(patterns), expires_in_days=days)
    issued = state.client.create_token(body)
    if output is None:
        state.show(issued, lambda: f"{_token_text(issued.info)}\n\n{issued.token}")
        return
    _keep(state, issued, output)
    state.show(issued.info, lambda: f"{_token_text(issued.info)}\nwritten to {output}")


@tokens.command("revoke")
@click.argument("token", shell_complete=completing.tokens)
@pass_state
def revoke_token(state: State, token: str) -> None:
    """End a token, by the id that `list` shows (never by its secret)."""
    revoked = state.client.revoke_token(token)
    state.show(revoked, lambda: f"Token {revoked.id} of {revoked.principal} is revoked.")


def _keep(state: State, issued: IssuedToken, output: Path) -> None:
    try:
        write_secret(output, issued.token.encode() + b"\n")
    except OSError:
        # Nobody has seen it, and nobody shall.
        state.client.revoke_token(issued.info.id)
        raise


def _token_text(token: Token) -> str:
    return facts(
        {
            "token": token.id,
            "name": token.name,
            "principal": token.principal,
            "role": token.role,
            "models": joined(token.patterns),
            "expires": token.expires_at,
        }
    )

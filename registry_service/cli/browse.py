"""From the command to the pages."""

from __future__ import annotations

import webbrowser

import click

from registry_service.cli.state import Command, State, pass_state
from registry_service.cli.text import cell


@click.command(cls=Command)
@click.argument("path", default="/")
@click.option("--print", "prints", is_flag=True, help="Only print the link.")
@pass_state
def browse(state: State, path: str, *, prints: bool) -> None:
    """Open a page in the browser, logged in: the home page, or PATH such as /models/churn.

    The link opens one session, once, within a minute; whoever opens it is you. Without a browser here it is printed.
    """

    link = state.client.create_login_link(path)
    shows = prints or state.as_json or not webbrowser.open(link.url)
    state.show(
        link,
        lambda: f"{link.url}\nGood once, until {cell(link.expires_at)}." if shows else "Opened in the browser.",
    )


@click.group()
def sessions() -> None:
    """Your sessions in browsers; `tokens list` shows them too."""


@sessions.command("end", cls=Command)
@pass_state
def end_sessions(state: State) -> None:
    """Log out in every browser."""
    ended = state.client.end_sessions()
    state.show(ended, lambda: f"{ended.ended} {'session is' if ended.ended == 1 else 'sessions are'} ended.")

"""The registries that one knows by name. No command shows a token."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypedDict

import click

from registry_service.cli import completing, options
from registry_service.cli.endings import Stopped
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import facts, table
from registry_service.client.credentials import checked_url, chosen_registry, profile_path, read_profile, search
from registry_service.client.registries import (
    KnownRegistry,
    Registries,
    change_registries,
    check_private,
    config_path,
    read_registries,
)

_FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True, resolve_path=True)


class Shown(TypedDict):
    """A registry as it is shown: without its token."""

    name: str
    url: str
    token: str | None
    ca_file: str | None
    in_use: bool


@click.group(cls=Group)
def config() -> None:
    """The registries that you know by name, kept in MODEL_REGISTRY_HOME.

    Which one is asked: what the command line says (--registry, --url), else the environment (MODEL_REGISTRY_URL, then
    MODEL_REGISTRY_NAME), else the one in use, else where you are logged in without a name.
    """


@config.command("add")
@click.argument("name")
@click.argument("url", required=False)
@click.option("--token-file", type=_FILE, help="Read the token from this file each time; else log in to keep one.")
@click.option("--ca-file", type=_FILE, help="The authorities (PEM) that vouch for it, if not those of the system.")
@click.option("--use", is_flag=True, help="Ask it from now on.")
@pass_state
def add_registry(
    state: State, name: str, url: str | None, token_file: Path | None, ca_file: Path | None, *, use: bool
) -> None:
    """Know a registry by a name. Without URL, the one where you are logged in, with its token; that login stays."""

    token = None
    if url is None:
        kept = read_profile(profile_path(state.profile))
        if kept is None:
            raise Stopped(
                "not_logged_in", f"Nobody is logged in. Say where it is: model-registry config add {name} URL"
            )
        url, token = kept.url, kept.token if token_file is None else None
    if token_file is not None:
        check_private(token_file)
    added = KnownRegistry(
        url=checked_url(url),
        token=token,
        token_file=None if token_file is None else str(token_file),
        ca_file=None if ca_file is None else str(ca_file),
    )

    def change(known: Registries) -> Registries:
        if name in known.registries:
            raise Stopped("already_exists", f"'{name}' is known already. Remove it first, or take another name.")
        more = known.with_one(name, added)
        return more.using(name) if use else more

    done = change_registries(config_path(), change)
    state.show(_shown(name, done), lambda: _text(name, done))
    if added.kept is None:
        state.say(f"Log in there: model-registry --registry {name} login")


@config.command("list")
@pass_state
def list_registries(state: State) -> None:
    """All that you know."""

    known = read_registries(config_path())
    found = [_shown(name, known) for name in sorted(known.registries)]
    state.show(
        found,
        lambda: table(
            ["name", "url", "token", "in use"],
            [(one["name"], one["url"], one["token"], "yes" if one["in_use"] else None) for one in found],
            empty="None. Add one: model-registry config add NAME URL",
        ),
    )


@config.command("use")
@click.argument("name", required=False, shell_complete=completing.registries)
@click.option("--none", is_flag=True, help="Use none of them: that of the login without a name.")
@pass_state
def use_registry(state: State, name: str | None, *, none: bool) -> None:
    """Ask this registry where nothing else says which."""

    if none is (name is not None):
        raise click.UsageError("Say NAME, or --none.")
    change_registries(config_path(), lambda known: known.using(name))
    state.show({"in_use": name}, lambda: "None of them is in use." if name is None else f"{name} is in use.")


@config.command("remove")
@click.argument("name", shell_complete=completing.registries)
@options.yes
@pass_state
def remove_registry(state: State, name: str, *, yes: bool) -> None:
    """Know it no longer. A token that is kept for it is gone then; it works until it expires or is revoked."""

    known = read_registries(config_path()).named(name)
    if known.token is not None:
        state.confirm(f"Forget {name} at {known.url}, and the token that is kept for it?", yes=yes)
    change_registries(config_path(), lambda known: known.without(name))
    state.show({"removed": name}, lambda: f"{name} is removed.")


@config.command("show")
@click.argument("name", required=False, shell_complete=completing.registries)
@pass_state
def show_registry(state: State, name: str | None) -> None:
    """One that you know; without NAME, which registry is asked now, and what says so."""

    if name is not None:
        known = read_registries(config_path())
        known.named(name)
        state.show(_shown(name, known), lambda: _text(name, known))
        return
    found = search(state.url, token_file=state.token_file, registry=state.registry, profile=state.profile)
    says = {
        "registry": state.registry or chosen_registry(state.profile),
        "url": found.url,
        "url_from": found.url_from,
        "token_from": found.token_from,
        "ca_file": found.ca_file,
    }
    state.show(
        says,
        lambda: facts(
            {
                "registry": found.url or "none: run `model-registry login`",
                "says": found.url_from,
                "token": found.token_from or "none",
                "authorities": found.ca_file,
            }
        ),
    )


def _shown(name: str, known: Registries) -> Shown:
    one = known.named(name)
    return Shown(name=name, url=one.url, token=one.kept, ca_file=one.ca_file, in_use=known.use == name)


def _text(name: str, known: Registries) -> str:
    one = _shown(name, known)
    return facts(
        {
            "name": name,
            "url": one["url"],
            "token": one["token"] or "none",
            "authorities": one["ca_file"],
            "in use": one["in_use"],
        }
    )

"""What a shell proposes on Tab: names of the registry that would be asked. Whoever presses Tab waits for it, so it
gives up early, and it never says why: a shell would print that into the line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

from registry_service.client.credentials import PERSON, find
from registry_service.client.registries import config_path, read_registries

if TYPE_CHECKING:
    from registry_service.client import RegistryClient

TIMEOUT: Final = 1.5  # seconds without a sign of life
PROPOSED: Final = 50
_VERSIONS: Final = 20
_PAGE: Final = 200
_OPEN: Final = "phase IN ('PENDING', 'APPROVED', 'APPLYING')"
# What names, selectors and ids are made of. Anything else doesn't come from a registry, and a shell might act on it.
_SAFE: Final = re.compile(r"[A-Za-z0-9@:._/ +-]+")

Item = CompletionItem
Complete = Callable[[click.Context, click.Parameter, str], list[Item]]


def _proposes(find: Callable[[RegistryClient, click.Context, str], Iterable[Item]]) -> Complete:
    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[Item]:
        try:
            with _client(ctx) as client:
                return _fitting(find(client, ctx, incomplete), incomplete)
        except Exception:  # noqa: BLE001 - whatever it is, a shell that completes is no place to tell it
            return []

    return complete


@_proposes
def models(client: RegistryClient, _: click.Context, incomplete: str) -> Iterator[Item]:
    for name in _models(client, incomplete):
        yield Item(name)


@_proposes
def selectors(client: RegistryClient, ctx: click.Context, incomplete: str) -> Iterator[Item]:
    return _selectors(client, _model(ctx), incomplete)


@_proposes
def references(client: RegistryClient, _: click.Context, incomplete: str) -> Iterator[Item]:
    """`MODEL/SELECTOR`."""
    return _references(client, incomplete)


@_proposes
def stages(client: RegistryClient, ctx: click.Context, _incomplete: str) -> Iterator[Item]:
    for name, version in client.get_model(_model(ctx)).stages.items():
        yield Item(name, help="vacant" if version is None else f"now {version}")


@_proposes
def aliases(client: RegistryClient, ctx: click.Context, _incomplete: str) -> Iterator[Item]:
    for name, version in client.get_model(_model(ctx)).aliases.items():
        yield Item(name, help=f"now {version}")


@_proposes
def promotions(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return _promotions(client)


@_proposes
def targets(client: RegistryClient, _: click.Context, incomplete: str) -> Iterator[Item]:
    """An open promotion by its id or by `MODEL/SELECTOR`."""
    yield from _references(client, incomplete)
    if "/" not in incomplete:
        yield from _promotions(client)


@_proposes
def principals(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return _principals(client)


@_proposes
def people(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return _principals(client, kind="person")


@_proposes
def groups(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return _groups(client)


@_proposes
def holders(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    """Of roles."""
    yield from _principals(client)
    yield from _groups(client)


@_proposes
def tokens(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return (Item(one.id, help=one.name) for one in client.list_tokens(limit=_PAGE).items if one.revoked_at is None)


@_proposes
def delegations(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    for one in client.list_delegations(in_force=True, limit=_PAGE).items:
        yield Item(one.id, help=f"{one.to} for {one.principal}")


@_proposes
def policies(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return (Item(one.name, help=f"version {one.version}") for one in client.list_policies(limit=_PAGE).items)


@_proposes
def attachments(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    for one in client.list_attachments(limit=_PAGE).items:
        yield Item(one.id, help=f"{one.policy} on {one.model_pattern}, {one.stage}")


@_proposes
def policy_changes(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    """Those that wait for somebody."""
    for one in client.list_policy_changes(limit=_PAGE).items:
        if one.confirmed_by is None and one.withdrawn_by is None:
            yield Item(one.id, help=f"{one.kind} {one.policy}, by {one.proposed_by}")


@_proposes
def deployments(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    for one in client.list_deployments(order_by="started_at desc", limit=PROPOSED).items:
        yield Item(one.id, help=f"{one.model_name} {one.version} at {one.target}, {one.status}")


@_proposes
def places(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    """Targets of deployments."""
    found = client.list_deployments(order_by="started_at desc", limit=_PAGE).items
    return (Item(target) for target in dict.fromkeys(one.target for one in found))


@_proposes
def consumers(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return (Item(one.name) for one in client.list_consumers(limit=_PAGE).items)


@_proposes
def subscriptions(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return (Item(one.id, help=one.pattern) for one in client.list_subscriptions(limit=_PAGE).items)


@_proposes
def retention_rules(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return (Item(one.name, help=one.document.pattern) for one in client.list_retention_rules(limit=_PAGE).items)


@_proposes
def previews(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return (Item(one.id, help=one.phase) for one in client.list_previews(limit=PROPOSED).items)


@_proposes
def uploads(client: RegistryClient, _: click.Context, _incomplete: str) -> Iterator[Item]:
    return (Item(one.id, help=one.model_name) for one in client.list_uploads(limit=_PAGE).items)


def registries(_: click.Context, __: click.Parameter, incomplete: str) -> list[Item]:
    try:
        known = read_registries(config_path()).registries
    except Exception:  # noqa: BLE001 - as above
        return []
    return _fitting([Item(name, help=one.url) for name, one in sorted(known.items())], incomplete)


def _client(ctx: click.Context) -> RegistryClient:
    from registry_service.client import RegistryClient  # noqa: PLC0415 - only once something is to be asked

    said = ctx.find_root().params
    found = find(
        said.get("url"),
        token_file=said.get("token_file"),
        registry=said.get("registry"),
        profile=said.get("profile") or PERSON,
    )
    return RegistryClient(found.url, found.token, timeout=TIMEOUT, retries=0, verify=found.ca_file or True)


def _model(ctx: click.Context) -> str:
    name: str = ctx.params["model"]
    return name


def _models(client: RegistryClient, incomplete: str) -> list[str]:
    # A wildcard in it finds more than is meant, which is sorted out again.
    beginning = incomplete.replace("'", "''")
    return [model.name for model in client.list_models(filter=f"name LIKE '{beginning}%'", limit=PROPOSED).items]


def _selectors(client: RegistryClient, name: str, incomplete: str) -> Iterator[Item]:
    model = client.get_model(name)
    pointers = {**{stage: at for stage, at in model.stages.items() if at is not None}, **model.aliases}
    for pointer, number in pointers.items():
        yield Item(f"@{pointer}", help=f"now {number}")
    if incomplete.startswith("@"):
        return
    yield Item("latest", help=f"now {model.latest_version}")
    for version in client.list_versions(name, order_by="number desc", limit=_VERSIONS).items:
        yield Item(str(version.number), help=" ".join([version.status, *version.stages]))


def _references(client: RegistryClient, incomplete: str) -> Iterator[Item]:
    name, slash, beginning = incomplete.rpartition("/")
    if not slash:
        yield from (Item(f"{model}/") for model in _models(client, incomplete))
        return
    for item in _selectors(client, name, beginning):
        yield Item(f"{name}/{item.value}", help=item.help)


def _principals(client: RegistryClient, *, kind: str | None = None) -> Iterator[Item]:
    for one in client.list_principals(limit=_PAGE).items:
        if kind in (None, one.kind):
            yield Item(one.name, help=one.kind)


def _groups(client: RegistryClient) -> Iterator[Item]:
    return (Item(one.name, help=f"group of {len(one.members)}") for one in client.list_groups(limit=_PAGE).items)


def _promotions(client: RegistryClient) -> Iterator[Item]:
    for one in client.list_promotions(filter=_OPEN, order_by="requested_at desc", limit=PROPOSED).items:
        yield Item(one.id, help=f"{one.model_name} {one.version} to {one.stage}, {one.phase}")


def _fitting(items: Iterable[Item], incomplete: str) -> list[Item]:
    return [
        item
        for item in items
        if item.value.startswith(incomplete)
        and _SAFE.fullmatch(item.value)
        and (item.help is None or item.help.isprintable())
    ]


class _Bash(BashComplete):
    """Bash splits words also where COMP_WORDBREAKS says, and replaces only what stands behind a `:` or `=`, or from an
    `@` on. So the line itself is read, and proposals leave out what is there already. Spaces of a name are escaped."""

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' type value completion response
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
%(complete_var)s=bash_complete $1 2>/dev/null)
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        if [[ $type == 'dir' ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=("$value")
            [[ $value == */ ]] && compopt -o nospace
        fi
    done
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
    _there = 0

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")  # noqa: TID251 - how the shell says it
        _, *words = split_arg_string(line) or [""]
        if not words or (line.endswith(" ") and not line.endswith("\\ ")):
            return words, ""
        *words, incomplete = words
        breaking = os.environ.get("COMP_WORDBREAKS", "")  # noqa: TID251 - likewise
        ends = [incomplete.rfind(one) + (one != "@") for one in "@:=" if one in breaking]
        self._there = max([0, *ends])
        return words, incomplete

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type},{item.value[self._there :].replace(' ', chr(92) + ' ')}"


add_completion_class(_Bash)

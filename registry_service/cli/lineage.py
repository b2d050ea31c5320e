from __future__ import annotations

import click

from registry_service.cli import options
from registry_service.cli.state import Group, State, pass_state
from registry_service.cli.text import count, table
from registry_service.client import (
    AddLineage,
    LineageDirection,
    LineageGraph,
    LineageKind,
    LineageNode,
    MadeFrom,
    NewLineageEdge,
    NodeKind,
)


@click.group(cls=Group)
def lineage() -> None:
    """Where versions come from, and where they went."""


@lineage.command("show")
@options.model
@options.selector
@click.option(
    "--direction",
    type=click.Choice(LineageDirection, case_sensitive=False),
    default=LineageDirection.BOTH,
    show_default=True,
    help="up: what made it; down: what was made of it.",
)
@click.option("--depth", type=click.IntRange(1, 20), default=5, show_default=True, help="So many steps away at most.")
@click.option("--limit", type=click.IntRange(1, 1000), default=200, show_default=True, help="Show at most so many.")
@pass_state
def show_lineage(state: State, model: str, selector: str, direction: LineageDirection, depth: int, limit: int) -> None:
    """What made a version, what was made of it, and where that runs."""

    graph = state.client.get_lineage(model, selector, direction=direction.value, depth=depth, limit=limit)
    state.show(graph, lambda: _graph_text(graph))
    if graph.truncated:
        click.echo(f"There are more than these {len(graph.nodes)}: raise --limit, or lower --depth.", err=True)


@lineage.command("add")
@options.model
@options.selector
@click.argument("edges", type=options.Edge(), nargs=-1, required=True, metavar="KIND=REF...")
@click.option("--digest", help="Pins the content; for one edge.")
@click.option("--link", help="An address that leads to it; for one edge.")
@pass_state
def add_lineage(
    state: State,
    model: str,
    selector: str,
    edges: tuple[NewLineageEdge, ...],
    digest: str | None,
    link: str | None,
) -> None:
    """Say later what made a version, such as dataset=s3://sales/march. It changes no digest, and stays."""

    if (digest or link) and len(edges) > 1:
        raise click.UsageError("--digest and --link are about one edge. Give one KIND=REF.")
    told = [NewLineageEdge(kind=edge.kind, ref=edge.ref, digest=digest, url=link) for edge in edges]
    version = state.client.add_lineage(model, selector, AddLineage(edges=told))
    state.show(version, lambda: f"{version.model_name} {version.number} has {count(len(version.lineage), 'edge')}.")


@lineage.command("find")
@click.argument("kind", type=click.Choice(LineageKind, case_sensitive=False))
@click.option("--ref", help="What it is called.")
@click.option("--digest", help="The digest of its content.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
@pass_state
def find_lineage(state: State, kind: LineageKind, ref: str | None, digest: str | None, limit: int) -> None:
    """The versions that came of a dataset, a commit, a run or a parent."""

    if ref is None and digest is None:
        raise click.UsageError("Give --ref, --digest, or both.")
    found = state.client.iterate_made_from(kind.value, ref=ref, digest=digest, limit=min(limit + 1, options.MAX_PAGE))
    state.show_list(found, limit, _found_text)


def _graph_text(graph: LineageGraph) -> str:
    """Each node under its way from the version: `-2` came two steps before it, `2` two after."""

    before = _reached(graph)

    def step(node: LineageNode) -> int:
        return -node.distance if node.id in before else node.distance

    rows = [
        (step(node), node.kind, "(hidden)" if node.kind is NodeKind.HIDDEN else node.ref, node.status, node.digest)
        for node in sorted(graph.nodes, key=step)
    ]
    return table(["step", "kind", "what", "status", "digest"], rows, empty="")


def _reached(graph: LineageGraph) -> set[str]:
    """The nodes that made the version."""

    found, waiting = set[str](), [graph.root]
    while waiting:
        target = waiting.pop()
        fresh = {link.source for link in graph.links if link.target == target} - found
        found |= fresh
        waiting += fresh
    return found


def _found_text(found: list[MadeFrom]) -> str:
    return table(
        ["model", "version", "digest", "registered", "by", "pinned"],
        [
            (item.model_name, item.version, item.digest, item.created_at, item.created_by, item.edge.digest)
            for item in found
        ],
        empty="No version that you may read came of it.",
    )

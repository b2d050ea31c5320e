"""Lineage as a graph: walked level by level, each by one statement that an index answers, up to a limit of nodes.

The versions at hand come as a table of constants, which SQLite looks up one by one, as it doesn't a list of pairs;
`+ 0` in an order keeps it from going through all of a table because that comes in this order already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    select,
    type_coerce,
)

from registry_service.db.keys import Key, these
from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.queries.edges import EDGES, describe_edge, parent_model
from registry_service.db.queries.models import find_model
from registry_service.db.queries.sight import in_sight
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import deployments, models, version_lineage, versions
from registry_service.db.view import View
from registry_service.domain.entities import (
    LineageDirection,
    LineageGraph,
    LineageKind,
    LineageLink,
    LineageNode,
    MadeFrom,
    NodeKind,
    Page,
    VersionStatus,
)
from registry_service.domain.errors import InvalidInput
from registry_service.domain.lineage import VersionReference, parse_parent
from registry_service.domain.permissions import Action

MAX_DEPTH: Final = 20
MAX_NODES: Final = 1_000

# A link may lead to a node that is there already: so many are read in one step at most.
_LINKS_PER_NODE: Final = 4

_edges = version_lineage
_parent_model = parent_model
_parent = versions.alias("parent")
_ORDERING: Final = Ordering(columns={"id": _edges.c.id}, tie_breakers=[_edges.c.id], default="id desc")


def _descendants() -> Select[Any]:
    down = (
        select(versions.c.model_id, versions.c.number)
        .where(versions.c.model_id == bindparam("model_id"), versions.c.number == bindparam("number"))
        .cte("down", recursive=True)
    )
    # UNION: what is reached by several ways is gone through once.
    down = down.union(
        select(_edges.c.model_id, _edges.c.number).join(
            down, (_edges.c.parent_model_id == down.c.model_id) & (_edges.c.parent_number == down.c.number)
        )
    )
    return select(down.c.model_id, down.c.number)


_DESCENDANTS: Final = Prepared(_descendants())


def descendants_of(view: View, version: Row[Any]) -> set[Key]:
    """The version and all that was made of it, whoever may read it: for the rule, not for answers."""

    rows = _DESCENDANTS.rows(view.connection, model_id=version.model_id, number=version.number)
    return {(row.model_id, row.number) for row in rows}


def versions_with_digest(view: View, digest: str, *, at_most: int) -> Sequence[Row[Any]]:
    """Rows of versions with this content that the actor may read, with `model_name`."""

    return view.connection.execute(
        select(versions, models.c.name.label("model_name"))
        .join(models, models.c.id == versions.c.model_id)
        .where(versions.c.digest == digest, versions.c.deleted_at.is_(None), *_readable(view, models))
        .order_by(versions.c.model_id, versions.c.number)
        .limit(at_most)
    ).all()


def get_lineage(
    view: View,
    model: str,
    selector: str,
    *,
    direction: LineageDirection = LineageDirection.BOTH,
    depth: int = 5,
    limit: int = 200,
) -> LineageGraph:
    """What made the version, and what was made of it, as far as the actor may read."""

    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector)
    graph = _Graph(limit)
    root = graph.version(
        view, (found.id, version.number), found.name, 0, digest=version.digest, revoked=version.revoked_at is not None
    )
    assert root is not None, "the limit is 1 at least"
    for way, step in ((LineageDirection.UP, _step_up), (LineageDirection.DOWN, _step_down)):
        frontier = [(found.id, version.number)] if direction in (way, LineageDirection.BOTH) else []
        for distance in range(1, depth + 1):
            frontier = step(view, graph, frontier, distance) if frontier else []
    return LineageGraph(root=root, nodes=list(graph.nodes.values()), links=list(graph.links), truncated=graph.truncated)


class _Graph:
    """What was found so far. What would be one node too many is left out, with the links to it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.nodes: dict[str, LineageNode] = {}
        self.links: dict[LineageLink, None] = {}
        self.truncated = False
        self._ids: dict[object, str] = {}

    def add(self, node: LineageNode) -> str | None:
        if node.id not in self.nodes and len(self.nodes) >= self.limit:
            self.truncated = True
            return None
        self.nodes.setdefault(node.id, node)
        return node.id

    def link(self, source: str | None, target: str | None) -> None:
        if source is not None and target is not None:
            self.links[LineageLink(source=source, target=target)] = None

    def has(self, key: Key) -> bool:
        return key in self._ids

    def id_of(self, key: Key) -> str:
        return self._ids[key]

    def version(self, view: View, key: Key, name: str, distance: int, *, digest: str, revoked: bool) -> str | None:
        added = self.add(
            LineageNode(
                id=f"version:{name}/{key[1]}",
                kind=NodeKind.VERSION,
                distance=distance,
                ref=f"{name}/{key[1]}",
                model_name=name,
                version=key[1],
                digest=digest,
                status=VersionStatus.REVOKED if revoked else VersionStatus.READY,
                url=view.url("models", name, "versions", key[1]),
            )
        )
        if added is not None:
            self._ids[key] = added
        return added

    def hidden(self, key: object, distance: int) -> str | None:
        """Numbered as they come: an id must not tell which version it is."""
        name = self._ids.get(key) or f"hidden:{sum(node.kind is NodeKind.HIDDEN for node in self.nodes.values()) + 1}"
        added = self.add(LineageNode(id=name, kind=NodeKind.HIDDEN, distance=distance))
        if added is not None:
            self._ids[key] = added
        return added

    def rows(self, view: View, statement: Select[Any]) -> Sequence[Row[Any]]:
        most = self.limit * _LINKS_PER_NODE
        rows = view.connection.execute(statement.limit(most + 1)).all()
        self.truncated = self.truncated or len(rows) > most
        return rows[:most]


def _readable(view: View, of: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:  # noqa: ANN401 - a table or its alias
    return in_sight(view, Action.VERSION_READ, of.c.name), of.c.deleted_at.is_(None)


def edges_up(view: View, frontier: Iterable[Key]) -> Select[Any]:
    """The edges of these versions. Of a parent that the actor may not read, not even the name comes out."""

    may_read = and_(*_readable(view, _parent_model), _parent.c.deleted_at.is_(None))
    at = these(frontier, "frontier")
    return (
        select(
            _edges,
            case((may_read, _parent_model.c.name), else_=None).label("parent_name"),
            _parent.c.digest.label("parent_digest"),
            _parent.c.revoked_at,
        )
        .join(at, (at.c.model_id == _edges.c.model_id) & (at.c.number == _edges.c.number))
        .outerjoin(_parent_model, _parent_model.c.id == _edges.c.parent_model_id)
        .outerjoin(
            _parent, (_parent.c.model_id == _edges.c.parent_model_id) & (_parent.c.number == _edges.c.parent_number)
        )
        .order_by(_edges.c.id + 0)
    )


def versions_down(view: View, frontier: Iterable[Key]) -> Select[Any]:
    """The versions that were made of these and that the actor may read."""

    at = these(frontier, "frontier")
    return (
        select(
            _edges.c.parent_model_id,
            _edges.c.parent_number,
            versions.c.model_id,
            versions.c.number,
            versions.c.digest,
            versions.c.revoked_at,
            models.c.name.label("model_name"),
        )
        .join(at, (at.c.model_id == _edges.c.parent_model_id) & (at.c.number == _edges.c.parent_number))
        .join(versions, (versions.c.model_id == _edges.c.model_id) & (versions.c.number == _edges.c.number))
        .join(models, models.c.id == versions.c.model_id)
        .where(versions.c.deleted_at.is_(None), *_readable(view, models))
        .order_by(_edges.c.id + 0)
    )


def deployments_of(view: View, frontier: Iterable[Key]) -> Select[Any]:
    """Where these versions run or ran, the newest first."""

    at = these(frontier, "frontier")
    return (
        select(deployments)
        .join(at, (at.c.model_id == deployments.c.model_id) & (at.c.number == deployments.c.number))
        .join(models, models.c.id == deployments.c.model_id)
        .where(
            in_sight(view, Action.DEPLOYMENT_READ, models.c.name),
            models.c.deleted_at.is_(None),
        )
        .order_by((type_coerce(deployments.c.started_at, BigInteger) + 0).desc(), deployments.c.id)
    )


def _step_up(view: View, graph: _Graph, frontier: list[Key], distance: int) -> list[Key]:
    reached = []
    for row in graph.rows(view, edges_up(view, frontier)):
        child = graph.id_of((row.model_id, row.number))
        if row.kind != LineageKind.PARENT_VERSION:
            graph.link(graph.add(_thing(row, distance)), child)
            continue
        key = (row.parent_model_id, row.parent_number)
        if row.parent_name is None:
            graph.link(graph.hidden(key if row.parent_model_id else row.id, distance), child)
            continue
        is_new = not graph.has(key)
        source = graph.version(
            view, key, row.parent_name, distance, digest=row.parent_digest, revoked=row.revoked_at is not None
        )
        graph.link(source, child)
        if is_new and source is not None:
            reached.append(key)
    return reached


def _step_down(view: View, graph: _Graph, frontier: list[Key], distance: int) -> list[Key]:
    for row in graph.rows(view, deployments_of(view, frontier)):
        node = LineageNode(
            id=f"deployment:{row.id}",
            kind=NodeKind.DEPLOYMENT,
            distance=distance,
            ref=row.target,
            digest=row.digest,
            status=row.status,
        )
        graph.link(graph.id_of((row.model_id, row.number)), graph.add(node))
    reached = []
    for row in graph.rows(view, versions_down(view, frontier)):
        key = (row.model_id, row.number)
        is_new = not graph.has(key)
        target = graph.version(
            view, key, row.model_name, distance, digest=row.digest, revoked=row.revoked_at is not None
        )
        graph.link(graph.id_of((row.parent_model_id, row.parent_number)), target)
        if is_new and target is not None:
            reached.append(key)
    return reached


def _thing(row: Row[Any], distance: int) -> LineageNode:
    # The same ref with other content is another thing.
    pinned = "" if row.digest is None else f"#{row.digest}"
    return LineageNode(
        id=f"{row.kind}:{row.ref}{pinned}",
        kind=NodeKind(row.kind),
        distance=distance,
        ref=row.ref,
        digest=row.digest,
        url=row.url,
    )


def list_made_from(
    view: View, kind: LineageKind, page: PageRequest, *, ref: str | None = None, digest: str | None = None
) -> Page[MadeFrom]:
    """The versions that came of this dataset, commit, run or parent, the latest said first.

    :raises InvalidInput: neither `ref` nor `digest` says of what.
    """

    refuse_filter(page)
    statement = made_from(view, kind, ref, digest)
    return page_of(view.connection, statement, _ORDERING, page, lambda rows: [_describe(view, row) for row in rows])


def made_from(view: View, kind: LineageKind, ref: str | None, digest: str | None) -> Select[Any]:
    """The edges to what is named, of versions that the actor may read."""

    if ref is None and digest is None:
        raise InvalidInput("Say of what: give ref, digest, or both.", field="ref", source="query")
    statement = (
        EDGES.add_columns(
            models.c.name.label("model_name"),
            versions.c.digest.label("version_digest"),
            versions.c.created_at,
            versions.c.created_by,
        )
        .join(versions, (versions.c.model_id == _edges.c.model_id) & (versions.c.number == _edges.c.number))
        .join(models, models.c.id == versions.c.model_id)
        .where(_edges.c.kind == kind, versions.c.deleted_at.is_(None), *_readable(view, models))
    )
    if digest is not None:
        statement = statement.where(_edges.c.digest == digest)
    if kind is not LineageKind.PARENT_VERSION:
        return statement if ref is None else statement.where(_edges.c.ref == ref)
    # Only of parents that the actor may read: else a guess at a name would be answered.
    statement = statement.where(*_readable(view, _parent_model))
    named = None if ref is None else parse_parent(ref)
    if isinstance(named, VersionReference):
        model = find_model(view, named.model_name, Action.VERSION_READ)
        parent = find_version(view, model, str(named.number))
        return statement.where(_edges.c.parent_model_id == model.id, _edges.c.parent_number == parent.number)
    return statement if named is None else statement.where(_edges.c.digest == named)


def _describe(view: View, row: Row[Any]) -> MadeFrom:
    return MadeFrom(
        model_name=row.model_name,
        version=row.number,
        digest=row.version_digest,
        edge=describe_edge(view, row),
        created_at=row.created_at,
        created_by=row.created_by,
        url=view.url("models", row.model_name, "versions", row.number),
    )

"""What made versions: said at registration, or learnt later. Edges are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, bindparam, insert, select

from registry_service.db.locks import LINEAGE_LOCK, lock_key, share_key
from registry_service.db.prepared import Prepared
from registry_service.db.queries.lineage import descendants_of, versions_with_digest
from registry_service.db.queries.models import find_model
from registry_service.db.queries.versions import describe_versions, find_version
from registry_service.db.tables import version_lineage
from registry_service.domain.entities import LineageKind, ModelVersion
from registry_service.domain.errors import AlreadyExists, AmbiguousDigest, InvalidInput, TooLarge, VersionNotFound
from registry_service.domain.events import EventKind
from registry_service.domain.lineage import (
    MAX_EDGES,
    VersionReference,
    check_lineage,
    parse_parent,
    parse_version_reference,
    refuse_cycle,
)
from registry_service.domain.permissions import Action
from registry_service.domain.requests import AddLineage, NewLineageEdge
from registry_service.failpoints import reach
from registry_service.services.changes import record_version_change
from registry_service.services.work import Work

_INSERT: Final = Prepared(insert(version_lineage), columns=[c.name for c in version_lineage.c if c.name != "id"])
_OF: Final = Prepared(
    select(version_lineage).where(
        version_lineage.c.model_id == bindparam("model_id"), version_lineage.c.number == bindparam("number")
    )
)


def look_up(work: Work, edges: Sequence[NewLineageEdge]) -> list[dict[str, Any]]:
    """The edges as rows, each parent looked up. Before a version's own row is written: it can't be its own parent.

    :raises ModelNotFound, VersionNotFound, AmbiguousDigest, InvalidInput: a parent is none that the caller may read.
    """

    if any(edge.kind is LineageKind.PARENT_VERSION for edge in edges):
        # From here on no rule deletes a parent that was there.
        share_key(work.connection, LINEAGE_LOCK)
    rows = [_row(work, edge, f"lineage[{index}]") for index, edge in enumerate(edges)]
    seen: dict[tuple[str, str], int] = {}
    for index, row in enumerate(rows):
        first = seen.setdefault((row["kind"], row["ref"]), index)
        if first != index:
            raise InvalidInput(f"lineage[{index}] says the same as lineage[{first}]. Leave one out.", ref=row["ref"])
    return rows


def insert_lineage(work: Work, model_id: str, number: int, rows: Sequence[dict[str, Any]], *, later: bool) -> None:
    """Keep edges that were looked up. `later`: not with the registration, which says itself who said so and when."""

    said = {"added_at": work.now, "added_by": work.actor.name} if later else {"added_at": None, "added_by": None}
    _INSERT.change_each(work.connection, [row | {"model_id": model_id, "number": number} | said for row in rows])


def add_lineage(work: Work, model: str, selector: str, body: AddLineage) -> ModelVersion:
    """Say later what made a version. It is no part of the content: no digest changes, and no approval lapses.

    :raises LineageCycle: a parent is the version itself, or was made of it.
    :raises AlreadyExists: the same thing is on record with other particulars.
    """

    found = find_model(work, model, Action.VERSION_UPDATE, lock=True)
    version = find_version(work, found, selector)
    check_lineage(body.edges)
    if any(edge.kind is LineageKind.PARENT_VERSION for edge in body.edges):
        lock_key(work.connection, LINEAGE_LOCK)
    if not body.edges:
        raise InvalidInput("No edge is given. Say what made the version.", field="edges")
    rows = _fresh(work, version, look_up(work, body.edges))
    parents = {
        parse_version_reference(row["ref"]): (row["parent_model_id"], row["parent_number"])
        for row in rows
        if row["parent_model_id"]
    }
    if parents:
        made = descendants_of(work, version)
        me = VersionReference(found.name, version.number)
        refuse_cycle(me, parents, {parent for parent, key in parents.items() if key in made})
    if rows:
        insert_lineage(work, found.id, version.number, rows, later=True)
        reach("lineage.written")
        record_version_change(
            work,
            found,
            version,
            EventKind.VERSION_LINEAGE_ADDED,
            # Who reads the events of this model may not be one to know of others: neither names nor contents.
            edges=[
                {"kind": row["kind"]} | ({} if row["parent_model_id"] else {"ref": row["ref"], "digest": row["digest"]})
                for row in rows
            ],
        )
    else:
        work.existed = True
    found = find_model(work, model, Action.VERSION_READ)
    return describe_versions(work, found, [version])[0]


def _fresh(work: Work, version: Row[Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that aren't on record yet.

    :raises AlreadyExists: one is, with other particulars.
    :raises TooLarge: together they are too many.
    """

    rows_before = _OF.rows(work.connection, model_id=version.model_id, number=version.number)
    known = {
        _thing(row.kind, row.ref, row.parent_model_id, row.parent_number): (row.digest, row.url, row.details)
        for row in rows_before
    }
    fresh = []
    for row in rows:
        thing = _thing(row["kind"], row["ref"], row["parent_model_id"], row["parent_number"])
        particulars = (row["digest"], row["url"], row["details"])
        if thing not in known:
            fresh.append(row)
        elif known[thing] != particulars:
            raise AlreadyExists(
                f"Lineage has {row['kind']} '{row['ref']}' already, with another digest, url or details. What is on"
                " record stays: name what you mean by another ref, or leave it out.",
                kind=row["kind"],
                ref=row["ref"],
            )
    if len(known) + len(fresh) > MAX_EDGES:
        raise TooLarge(f"The version would have more than {MAX_EDGES} edges. Name sets instead of members.")
    return fresh


def _thing(kind: str, ref: str, model_id: str | None, number: int | None) -> tuple[object, ...]:
    # A parent whose model took another name is the same version still.
    return (kind, ref) if model_id is None else (kind, model_id, number)


def _row(work: Work, edge: NewLineageEdge, where: str) -> dict[str, Any]:
    row = msgspec.structs.asdict(edge) | {"parent_model_id": None, "parent_number": None}
    if edge.kind is not LineageKind.PARENT_VERSION:
        return row
    name, parent = _parent(work, edge.ref)
    if edge.digest not in (None, parent.digest):
        raise InvalidInput(f"{where}.digest is not that of {name}/{parent.number}, which is {parent.digest}.")
    return row | {
        "ref": str(VersionReference(name, parent.number)),
        "digest": parent.digest,
        "parent_model_id": parent.model_id,
        "parent_number": parent.number,
    }


def _parent(work: Work, ref: str) -> tuple[str, Row[Any]]:
    named = parse_parent(ref)
    if isinstance(named, VersionReference):
        model = find_model(work, named.model_name, Action.VERSION_READ)
        return model.name, find_version(work, model, str(named.number))
    found = versions_with_digest(work, named, at_most=2)
    if not found:
        raise VersionNotFound(f"There is no version with the digest {named}, or you may not read it.", selector=named)
    if len(found) > 1:
        raise AmbiguousDigest(
            f"Several versions have the digest {named}. Name the parent as <model>/<number>.",
            versions=[f"{row.model_name}/{row.number}" for row in found],
        )
    return found[0].model_name, found[0]

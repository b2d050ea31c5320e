"""Edges of lineage, as whoever reads them may see them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, select

from registry_service.db.tables import models, version_lineage
from registry_service.db.view import View
from registry_service.domain.entities import LineageEdge, LineageKind
from registry_service.domain.lineage import VersionReference, parse_version_reference
from registry_service.domain.permissions import Action, may

parent_model = models.alias("parent_model")
# What `describe_edge` takes. Of a parent, the name that its model has now.
EDGES: Final = select(version_lineage, parent_model.c.name.label("parent_name")).outerjoin(
    parent_model, parent_model.c.id == version_lineage.c.parent_model_id
)


def describe_edge(view: View, row: Row[Any]) -> LineageEdge:
    """An edge of a version that the reader may read. Of a parent that they may not, it says nothing."""

    kind, ref = LineageKind(row.kind), row.ref
    if kind is LineageKind.PARENT_VERSION:
        parent = parse_version_reference(ref)
        if row.parent_name is not None:
            parent = VersionReference(row.parent_name, row.parent_number)
        if not may(view.actor, Action.VERSION_READ, parent.model_name):
            return LineageEdge(kind=kind, ref="", hidden=True, added_at=row.added_at, added_by=row.added_by)
        ref = str(parent)
    return LineageEdge(
        kind=kind,
        ref=ref,
        digest=row.digest,
        url=row.url,
        details=row.details,
        added_at=row.added_at,
        added_by=row.added_by,
    )

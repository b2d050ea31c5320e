from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.client.calls.versions import Selector
from registry_service.domain.entities import LineageDirection, LineageGraph, LineageKind, MadeFrom, ModelVersion, Page
from registry_service.domain.requests import AddLineage


def get_lineage(
    model: str,
    selector: Selector,
    *,
    direction: LineageDirection | str | None = None,
    depth: int | None = None,
    limit: int | None = None,
) -> Call[LineageGraph]:
    """What made a version (`up`), what was made of it (`down`), or `both`: at most `depth` steps away, and `limit`
    nodes."""
    return read(
        LineageGraph, "models", model, "versions", selector, "lineage", direction=direction, depth=depth, limit=limit
    )


def add_lineage(
    model: str, selector: Selector, body: AddLineage, *, idempotency_key: str | None = None
) -> Call[ModelVersion]:
    """Say later what made a version."""
    return write("POST", ModelVersion, "models", model, "versions", selector, "lineage", body=body, key=idempotency_key)


def list_made_from(
    kind: LineageKind | str, *, ref: str | None = None, digest: str | None = None, **paging: Unpack[Paging]
) -> Call[Page[MadeFrom]]:
    """The versions that came of a dataset, commit, run or parent, named by `ref`, `digest`, or both."""
    return read(Page[MadeFrom], "lineage", kind=kind, ref=ref, digest=digest, **paging)

"""Checks: what machines measured of a version."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.queries.models import find_model
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import checks
from registry_service.db.view import View
from registry_service.domain.entities import Check, CheckStatus, Page
from registry_service.domain.permissions import Action

_ORDERING = Ordering(columns={"id": checks.c.id}, tie_breakers=[checks.c.id], default="id desc")


def list_checks(view: View, model: str, selector: str, page: PageRequest) -> Page[Check]:
    """All reports, the newest first."""

    refuse_filter(page)
    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector)
    statement = select(checks).where(checks.c.model_id == found.id, checks.c.number == version.number)
    return page_of(
        view.connection, statement, _ORDERING, page, lambda rows: [describe_check(found.name, row) for row in rows]
    )


def describe_check(model_name: str, row: Row[Any]) -> Check:
    return Check(
        id=row.id,
        model_name=model_name,
        version=row.number,
        digest=row.digest,
        name=row.name,
        status=CheckStatus(row.status),
        summary=row.summary,
        evidence=row.evidence,
        url=row.url,
        reported_by=row.reported_by,
        reported_at=row.reported_at,
        revision=row.revision,
    )

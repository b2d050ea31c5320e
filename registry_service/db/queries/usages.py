"""What runs said that they used versions for."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.queries.models import find_model
from registry_service.db.queries.uses import uses_of
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import usages, version_uses
from registry_service.db.view import View
from registry_service.domain.entities import Page, Usage, VersionUse
from registry_service.domain.permissions import Action

_ORDERING: Final = Ordering(
    columns={"ordinal": usages.c.ordinal}, tie_breakers=[usages.c.ordinal], default="ordinal desc"
)
_USE: Final = Prepared(
    select(version_uses).where(
        version_uses.c.model_id == bindparam("model_id"), version_uses.c.number == bindparam("number")
    )
)


def list_usages(view: View, model: str, selector: str, page: PageRequest) -> Page[Usage]:
    """What runs used the version for, the newest first."""

    refuse_filter(page)
    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector)
    statement = usages_of(found.id, version.number)
    return page_of(
        view.connection, statement, _ORDERING, page, lambda rows: [describe_usage(found.name, row) for row in rows]
    )


def usages_of(model_id: str, number: int) -> Select[Any]:
    return select(usages).where(usages.c.model_id == model_id, usages.c.number == number)


def get_version_use(view: View, model: str, selector: str) -> VersionUse:
    """What the version is needed for, and when it was last used."""

    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector)
    used = find_use(view, found.id, version.number)
    return VersionUse(
        model_name=found.name,
        version=version.number,
        digest=version.digest,
        needed_for=uses_of(view, found, [version.number])[version.number],
        usages=0 if used is None else used.usages,
        last_used_at=None if used is None else used.last_used_at,
    )


def find_use(view: View, model_id: str, number: int) -> Row[Any] | None:
    """The row of a version that was ever used."""
    return _USE.row(view.connection, model_id=model_id, number=number)


def describe_usage(model_name: str, row: Row[Any]) -> Usage:
    return Usage(
        model_name=model_name,
        version=row.number,
        digest=row.digest,
        ordinal=row.ordinal,
        batch=row.batch,
        run=row.run,
        rows=row.rows,
        reported_at=row.reported_at,
        reported_by=row.reported_by,
        revision=row.revision,
    )

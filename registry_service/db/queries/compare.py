"""Versions side by side, of one model or of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select

from registry_service.db.prepared import Prepared
from registry_service.db.queries.checks import describe_checks
from registry_service.db.queries.models import find_model
from registry_service.db.queries.versions import describe_versions, files_of, find_version
from registry_service.db.tables import checks
from registry_service.db.view import View
from registry_service.domain.comparing import MAX_FILES, Compared, NamedVersion, compare
from registry_service.domain.entities import Check, Comparison
from registry_service.domain.permissions import Action

_LATEST_CHECKS: Final = Prepared(
    select(checks)
    .where(
        checks.c.id.in_(
            select(func.max(checks.c.id))
            .where(checks.c.model_id == bindparam("model_id"), checks.c.number == bindparam("number"))
            .group_by(checks.c.name)
        )
    )
    .order_by(checks.c.name)
)


def compare_versions(view: View, named: Sequence[NamedVersion], *, everything: bool = False) -> Comparison:
    """The versions side by side, as of one moment."""

    found = []
    for one in named:
        model = find_model(view, one.model, Action.VERSION_READ)
        found.append((model, find_version(view, model, one.selector)))
    with_files = sum(version.file_count for _, version in found) <= MAX_FILES
    return compare(
        [
            Compared(
                version=describe_versions(view, model, [version])[0],
                checks=latest_checks(view, model, version),
                files=files_of(view, model.id, version) if with_files else None,
            )
            for model, version in found
        ],
        everything=everything,
    )


def latest_checks(view: View, model: Row[Any], version: Row[Any]) -> list[Check]:
    """The latest report of each name."""

    rows = _LATEST_CHECKS.rows(view.connection, model_id=model.id, number=version.number)
    return describe_checks(view, model.name, rows)

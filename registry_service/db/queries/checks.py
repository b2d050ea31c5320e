"""Checks: what machines measured of a version, and the files that they attached."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.queries.models import find_model
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import check_attachments, checks
from registry_service.db.view import View
from registry_service.domain.entities import Attachment, Check, CheckStatus, Page
from registry_service.domain.errors import AttachmentNotFound
from registry_service.domain.permissions import Action

# As large as the databases' keys.
_ID: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_OF_CHECKS: Final = select(check_attachments).join(checks, checks.c.id == check_attachments.c.check_id)
_ORDERING = Ordering(columns={"id": checks.c.id}, tie_breakers=[checks.c.id], default="id desc")


def list_checks(view: View, model: str, selector: str, page: PageRequest) -> Page[Check]:
    """All reports, the newest first."""

    refuse_filter(page)
    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector)
    statement = select(checks).where(checks.c.model_id == found.id, checks.c.number == version.number)
    return page_of(view.connection, statement, _ORDERING, page, lambda rows: describe_checks(view, found.name, rows))


def get_attachment(view: View, model: str, selector: str, check: str, name: str) -> Attachment:
    """A file that the report of a check of the version brought along, for a download: by whoever may read the version.

    :raises AttachmentNotFound: the version has no such check, or that no such file.
    """

    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector)
    row = None
    if _ID.fullmatch(check):
        statement = _OF_CHECKS.where(
            checks.c.id == int(check),
            checks.c.model_id == found.id,
            checks.c.number == version.number,
            check_attachments.c.name == name,
        )
        row = view.connection.execute(statement).one_or_none()
    if row is None:
        raise AttachmentNotFound(
            f"Version {version.number} of '{model}' has no check {check[:40]} with the attachment '{name[:80]}'. Its"
            " checks list what they have.",
            model=model,
            version=version.number,
        )
    return _attachment(row)


def describe_checks(view: View, model_name: str, rows: Sequence[Row[Any]]) -> list[Check]:
    """Rows of `checks`, completed with what is attached to them: one statement, however many rows."""

    attached: dict[int, list[Attachment]] = defaultdict(list)
    if rows:
        statement = _OF_CHECKS.where(check_attachments.c.check_id.in_([row.id for row in rows]))
        for row in view.connection.execute(statement):
            attached[row.check_id].append(_attachment(row))
    # Databases collate text each in their own way.
    return [_describe(model_name, row, sorted(attached[row.id], key=lambda one: one.name)) for row in rows]


def _attachment(row: Row[Any]) -> Attachment:
    return Attachment(name=row.name, digest=row.digest, size=row.size, media_type=row.media_type)


def _describe(model_name: str, row: Row[Any], attachments: list[Attachment]) -> Check:
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
        attachments=attachments,
    )

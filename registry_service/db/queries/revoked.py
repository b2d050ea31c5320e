"""What is revoked: content, not a number. The one rule, for whatever asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Row, bindparam, exists, select

from registry_service.db.prepared import Prepared
from registry_service.db.query import one_of
from registry_service.db.tables import versions
from registry_service.db.view import View
from registry_service.domain.errors import VersionRevoked


def content_revoked(of: FromClause = versions, *, by: ColumnElement[Any] | None = None) -> ColumnElement[bool]:
    """Of a row of `versions`: its content is revoked, under this number or another; by a time, where one is given. The
    same bytes registered anew are as bad as they were."""

    withdrawn = versions.alias("withdrawn")
    when = withdrawn.c.revoked_at.is_not(None) if by is None else withdrawn.c.revoked_at <= by
    return exists().where(withdrawn.c.model_id == of.c.model_id, withdrawn.c.digest == of.c.digest, when)


_REVOCATION: Final = Prepared(
    select(versions.c.number, versions.c.revoked_reason)
    .where(
        versions.c.model_id == bindparam("model_id"),
        versions.c.digest == bindparam("digest"),
        versions.c.revoked_at.is_not(None),
    )
    .order_by(versions.c.number)
    .limit(1)
)


_REVOKED_AMONG: Final = Prepared(
    select(versions.c.number).where(
        versions.c.model_id == bindparam("model_id"),
        one_of(versions.c.number, "numbers"),
        content_revoked(),
    )
)


def revoked_among(view: View, model_id: str, numbers: Sequence[int]) -> frozenset[int]:
    """Those of the versions whose content is revoked."""
    return frozenset(_REVOKED_AMONG.values(view.connection, model_id=model_id, numbers=numbers))


def revocation_of(view: View, model_id: str, digest: str) -> Row[Any] | None:
    """`number` and `revoked_reason` of the first revoked version of this content; None where it stands."""

    return _REVOCATION.row(view.connection, model_id=model_id, digest=digest)


def refuse_revoked(view: View, version: Row[Any]) -> None:
    """A revoked version is good for nothing new: no download, check, alias, promotion or deployment.

    :raises VersionRevoked: its content was withdrawn.
    """

    revoked = revocation_of(view, version.model_id, version.digest)
    if revoked is not None:
        as_which = "" if revoked.number == version.number else f" as version {revoked.number}"
        raise VersionRevoked(
            f"Version {version.number} was revoked{as_which}: {revoked.revoked_reason}. Use another version.",
            version=version.number,
        )

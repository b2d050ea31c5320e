"""Which bytes are needed, and by what: the one rule, for the collection, the checks and the backup.

The files of a version and the attachments of its checks keep theirs until the version is let go.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, literal, or_, select, union_all

from registry_service.db.tables import check_attachments, checks, version_files

_OF_FILES: Final[Select[Any]] = select(
    version_files.c.model_id,
    version_files.c.number,
    version_files.c.path,
    version_files.c.digest,
    version_files.c.size,
    literal("").label("of_check"),
).where(version_files.c.kept)
_OF_ATTACHMENTS: Final[Select[Any]] = (
    select(
        checks.c.model_id,
        checks.c.number,
        check_attachments.c.name,
        check_attachments.c.digest,
        check_attachments.c.size,
        checks.c.name,
    )
    .join(checks, checks.c.id == check_attachments.c.check_id)
    .where(check_attachments.c.kept)
)

NEEDED: Final = union_all(_OF_FILES, _OF_ATTACHMENTS).subquery("needed")
"""A row for each file and attachment that keeps bytes: `model_id`, `number`, `path`, `digest`, `size`, and of an
attachment the name of the check, `of_check`."""


def is_needed(digest: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a file or an attachment keeps the bytes of this digest. Each is looked up by an index of its own."""

    return or_(
        exists().where(version_files.c.digest == digest, version_files.c.kept),
        exists().where(check_attachments.c.digest == digest, check_attachments.c.kept),
    )


def needing(digest: str) -> Select[Any]:
    """The versions that keep these bytes: `model_id` and `number`, each once."""

    of_files = select(version_files.c.model_id, version_files.c.number).where(
        version_files.c.digest == digest, version_files.c.kept
    )
    of_attachments = (
        select(checks.c.model_id, checks.c.number)
        .join(check_attachments, check_attachments.c.check_id == checks.c.id)
        .where(check_attachments.c.digest == digest, check_attachments.c.kept)
    )
    found = of_files.union(of_attachments).subquery("needing")
    return select(found.c.model_id, found.c.number)

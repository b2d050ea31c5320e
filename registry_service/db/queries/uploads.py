"""Upload sessions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, exists, select

from registry_service.db.queries.sight import in_sight
from registry_service.db.query import one_of
from registry_service.db.tables import models, upload_files, uploads, version_files, versions
from registry_service.db.view import View
from registry_service.domain.entities import Upload
from registry_service.domain.errors import UploadClosed, UploadNotFound
from registry_service.domain.permissions import Action


def find_upload(view: View, upload: str, *, lock: bool = False) -> Row[Any]:
    """An open session of the caller's own.

    :raises UploadNotFound: there is none, or it is somebody else's.
    :raises UploadClosed: it ended, or its time is over.
    """

    statement = (
        select(uploads, models.c.name.label("model_name"))
        .join(models, models.c.id == uploads.c.model_id)
        .where(uploads.c.id == upload)
    )
    row = view.connection.execute(statement.with_for_update(of=uploads) if lock else statement).one_or_none()
    if row is None or row.principal != view.actor.name:
        raise UploadNotFound(f"There is no upload '{upload}', or it is not yours. Start one.", upload=upload)
    if row.closed_at is not None or row.expires_at <= view.now:
        raise UploadClosed(f"Upload '{upload}' has ended or expired. Start a new one.", upload=upload)
    view.authorize(Action.VERSION_REGISTER, row.model_name)
    return row


def get_upload(view: View, upload: str) -> Upload:
    return describe_upload(view, find_upload(view, upload))


def awaited_file(view: View, upload: str, digest: str) -> Row[Any]:
    """The file of an open session that has this digest.

    :raises UploadNotFound: the session doesn't await such bytes.
    """

    session = find_upload(view, upload)
    row = view.connection.execute(
        select(upload_files).where(upload_files.c.upload_id == session.id, upload_files.c.digest == digest)
    ).one_or_none()
    if row is None:
        raise UploadNotFound(
            f"Upload '{upload}' doesn't await {digest}. Name all files when starting it.", upload=upload, digest=digest
        )
    return row


def readable_digests(view: View, digests: list[str]) -> set[str]:
    """Those of the digests that stand in a version which the caller may download: only for these may an upload be
    skipped, or knowing a digest would be as good as holding the bytes."""

    readable = exists().where(
        models.c.id == version_files.c.model_id,
        models.c.deleted_at.is_(None),
        versions.c.model_id == version_files.c.model_id,
        versions.c.number == version_files.c.number,
        versions.c.revoked_at.is_(None),
        in_sight(view, Action.VERSION_DOWNLOAD, models.c.name),
    )
    statement = select(version_files.c.digest).distinct().where(one_of(version_files.c.digest, "digests"), readable)
    return set(view.connection.execute(statement, {"digests": digests}).scalars())


def describe_upload(view: View, session: Row[Any]) -> Upload:
    missing = view.connection.execute(
        select(upload_files.c.digest)
        .where(upload_files.c.upload_id == session.id, upload_files.c.received_at.is_(None))
        .order_by(upload_files.c.digest)
    ).scalars()
    return Upload(id=session.id, model_name=session.model_name, missing=list(missing), expires_at=session.expires_at)

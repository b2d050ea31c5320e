"""Upload sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, exists, func, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.queries.revoked import content_revoked
from registry_service.db.queries.sight import in_sight
from registry_service.db.query import one_of
from registry_service.db.tables import blobs, models, upload_files, uploads, version_files, versions
from registry_service.db.view import View
from registry_service.domain.entities import Page, Upload, UploadFile
from registry_service.domain.errors import BeingCollected, UploadClosed, UploadNotFound
from registry_service.domain.permissions import Action

_ORDERING = Ordering({"created_at": uploads.c.created_at}, (uploads.c.id,), "created_at desc")


LISTED: Final = 100
"""Missing digests of each session in a list: one alone may lack 100,000."""


def own_and_open(view: View) -> ColumnElement[bool]:
    """Of a session: it is the caller's own, and bytes may still come."""

    return and_(uploads.c.principal == view.actor.name, uploads.c.closed_at.is_(None), uploads.c.expires_at > view.now)


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


def count_open_uploads(view: View) -> int:
    """How many sessions of anybody's are open."""
    is_open = and_(uploads.c.closed_at.is_(None), uploads.c.expires_at > view.now)
    return view.connection.execute(select(func.count()).select_from(uploads).where(is_open)).scalar_one()


def get_upload(view: View, upload: str) -> Upload:
    return describe_upload(view, find_upload(view, upload))


def list_uploads(view: View, page: PageRequest) -> Page[Upload]:
    """The caller's own open sessions, each with the first of the digests that it lacks."""

    refuse_filter(page)
    statement = (
        select(uploads, models.c.name.label("model_name"))
        .join(models, models.c.id == uploads.c.model_id)
        .where(own_and_open(view), in_sight(view, Action.VERSION_REGISTER, models.c.name))
    )
    return page_of(
        view.connection,
        statement,
        _ORDERING,
        page,
        lambda rows: [describe_upload(view, row, most=LISTED) for row in rows],
    )


def find_resumable(view: View, model_id: str, sizes: Mapping[str, int]) -> str | None:
    """The newest open session of the caller's for this model that announced exactly these files."""

    own = select(func.count()).where(upload_files.c.upload_id == uploads.c.id)
    same = own.where(one_of(upload_files.c.digest, "digests"))
    statement = (
        select(uploads.c.id)
        .where(
            uploads.c.model_id == model_id,
            own_and_open(view),
            own.scalar_subquery() == len(sizes),
            same.scalar_subquery() == len(sizes),
        )
        .order_by(uploads.c.created_at.desc(), uploads.c.id.desc())
    )
    return view.connection.execute(statement.limit(1), {"digests": list(sizes)}).scalar()


def awaited_file(view: View, upload: str, digest: str, *, lock: bool = False) -> Row[Any]:
    """The file of an open session that has this digest; `damaged_at` of these bytes beside it. Whoever takes bytes in
    asks this before: from then on nothing is taken out of the store that the session has announced.

    :raises UploadNotFound: the session doesn't await such bytes.
    :raises BeingCollected: what the store has of these bytes is just being removed.
    """

    session = find_upload(view, upload, lock=lock)
    row = view.connection.execute(
        select(upload_files, blobs.c.condemned_at, blobs.c.damaged_at)
        .join(blobs, blobs.c.digest == upload_files.c.digest, isouter=True)
        .where(upload_files.c.upload_id == session.id, upload_files.c.digest == digest)
    ).one_or_none()
    if row is None:
        raise UploadNotFound(
            f"Upload '{upload}' doesn't await {digest}. Name all files when starting it.", upload=upload, digest=digest
        )
    refuse_condemned(row)
    return row


def refuse_condemned(file: Row[Any]) -> None:
    """:raises BeingCollected: as it says. The store may still have these bytes, and an upload that found them there
    would be acknowledged while they go."""

    if file.condemned_at is not None:
        raise BeingCollected(
            f"{file.digest} is just being removed from the store. Send it again in a few seconds.", digest=file.digest
        )


def readable_digests(view: View, digests: list[str]) -> set[str]:
    """Those of the digests that stand in a version which the caller may download: only for these may an upload be
    skipped, or knowing a digest would be as good as holding the bytes. Damaged ones are asked for again: whoever has
    them heals them."""

    readable = exists().where(
        version_files.c.digest == blobs.c.digest,
        models.c.id == version_files.c.model_id,
        models.c.deleted_at.is_(None),
        versions.c.model_id == version_files.c.model_id,
        versions.c.number == version_files.c.number,
        versions.c.deleted_at.is_(None),
        ~content_revoked(),
        in_sight(view, Action.VERSION_DOWNLOAD, models.c.name),
    )
    # By way of the bytes, one row each: a digest may stand in any number of versions, of which one is enough.
    whole = blobs.c.damaged_at.is_(None)
    statement = select(blobs.c.digest).where(one_of(blobs.c.digest, "digests"), whole, readable)
    return set(view.connection.execute(statement, {"digests": digests}).scalars())


def describe_upload(view: View, session: Row[Any], *, most: int | None = None) -> Upload:
    """:param most: how many of the digests that are missing are told"""

    awaited = (
        select(upload_files.c.digest)
        .where(upload_files.c.upload_id == session.id, upload_files.c.received_at.is_(None))
        .order_by(upload_files.c.digest)
        .limit(None if most is None else most + 1)
    )
    missing = list(view.connection.execute(awaited).scalars())
    return Upload(
        id=session.id,
        model_name=session.model_name,
        missing=missing[:most],
        created_at=session.created_at,
        expires_at=session.expires_at,
        more=most is not None and len(missing) > most,
    )


def describe_file(file: Row[Any], kept: int) -> UploadFile:
    """`kept` is what the store keeps of it while it isn't whole."""

    received = file.received_at is not None
    kept = file.size if received else kept
    return UploadFile(upload=file.upload_id, digest=file.digest, size=file.size, kept=kept, received=received)

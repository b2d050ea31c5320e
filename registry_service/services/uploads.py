"""Upload sessions: bytes on their way to one registration, pinned until it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy import Row, func, insert, select, update

from registry_service.db.locks import COLLECTION_LOCK, blob_lock, lock_key, share_key
from registry_service.db.prepared import Prepared
from registry_service.db.queries.models import find_model
from registry_service.db.queries.uploads import (
    awaited_file,
    describe_file,
    find_resumable,
    find_upload,
    get_upload,
    own_and_open,
    readable_digests,
)
from registry_service.db.query import one_of
from registry_service.db.tables import blobs, upload_files, uploads
from registry_service.domain.entities import Upload, UploadFile
from registry_service.domain.errors import (
    BeingCollected,
    InvalidManifest,
    SizeMismatch,
    TooLarge,
    TooManyUploads,
    UploadIncomplete,
)
from registry_service.domain.events import EventKind
from registry_service.domain.manifest import MAX_FILES, check_digest
from registry_service.domain.permissions import Action
from registry_service.domain.requests import StartUpload
from registry_service.failpoints import reach
from registry_service.services.changes import tell_of_artifact
from registry_service.services.ids import new_id
from registry_service.services.work import Work

LIFETIME: Final = timedelta(days=1)
MAX_OPEN: Final = 100
MAX_FILE_SIZE: Final = 1 << 42

_KNOWN: Final = Prepared(select(blobs).where(one_of(blobs.c.digest, "digests")))


class Announced(Protocol):
    """Bytes by digest; `size` in bytes."""

    @property
    def digest(self) -> str: ...
    @property
    def size(self) -> int: ...


def start_upload(work: Work, body: StartUpload) -> Upload:
    """Announce the files of a version to come. Bytes that the caller may read already are not asked for again; a row
    pins them as well, so that no collection takes them before the version stands.

    :raises InvalidManifest, InvalidDigest, TooLarge: files that can't be.
    :raises TooManyUploads: too many open sessions of this principal.
    """

    model = find_model(work, body.model, Action.VERSION_REGISTER)
    sizes = _announced(body)
    earlier = find_resumable(work, model.id, sizes) if body.resume else None
    if earlier is not None:
        work.existed = True
        _extend(work, earlier)
        return get_upload(work, earlier)
    _check_room(work)
    # From here to the commit nothing is condemned; what is condemned after it, finds these rows.
    share_key(work.connection, COLLECTION_LOCK)
    upload_id = new_id()
    work.connection.execute(
        insert(uploads).values(
            id=upload_id,
            model_id=model.id,
            principal=work.actor.name,
            created_at=work.now,
            expires_at=work.now + LIFETIME,
        )
    )
    spared = readable_digests(work, list(sizes))
    if sizes:
        work.connection.execute(
            insert(upload_files),
            [
                {
                    "upload_id": upload_id,
                    "digest": digest,
                    "size": size,
                    "received_at": work.now if digest in spared else None,
                }
                for digest, size in sizes.items()
            ],
        )
    reach("upload.session_written")
    return get_upload(work, upload_id)


def _announced(body: StartUpload) -> dict[str, int]:
    """Sizes by digest."""
    sizes: dict[str, int] = {}
    if len(body.files) > MAX_FILES:
        raise TooLarge(f"A version has at most {MAX_FILES} files.", files=len(body.files))
    for file in body.files:
        check_digest(file.digest)
        if not 0 <= file.size <= MAX_FILE_SIZE:
            raise TooLarge(f"{file.digest} announces {file.size} bytes; a file has 0 to 2^42.", digest=file.digest)
        if sizes.setdefault(file.digest, file.size) != file.size:
            raise InvalidManifest(f"{file.digest} is announced with two sizes.", digest=file.digest)
    return sizes


def _check_room(work: Work) -> None:
    count = work.connection.execute(select(func.count()).select_from(uploads).where(own_and_open(work))).scalar_one()
    if count >= MAX_OPEN:
        raise TooManyUploads(
            f"'{work.actor.name}' has {count} open uploads, and may have {MAX_OPEN}. Finish or abort some first: GET"
            " /api/v1/uploads lists them and DELETE aborts one (`model-registry uploads list`, `uploads abort`); what"
            " doesn't move for a day ends by itself.",
            open=count,
            limit=MAX_OPEN,
        )


def _extend(work: Work, upload: str) -> None:
    """What still moves is not forgotten."""
    work.connection.execute(update(uploads).where(uploads.c.id == upload).values(expires_at=work.now + LIFETIME))


def file_received(work: Work, upload: str, digest: str, *, seen_damaged: datetime | None = None) -> UploadFile:
    """Note that verified, durable bytes have arrived in the store. The answer speaks of this file alone: a session may
    have 100,000, and each of them is answered.

    :param seen_damaged: `damaged_at` of the row that `awaited_file` gave before the bytes were taken in.
    :raises BeingCollected: the bytes that were in the store were found damaged meanwhile, or are being removed.
    """

    reach("upload.before_row")
    # Locked, so that the session isn't closed, and its bytes collected, before this is committed.
    file = awaited_file(work, upload, digest, lock=True)
    _note_received(work, file, seen_damaged)
    _extend(work, upload)
    reach("upload.row_written")
    return _received(file)


def _note_received(work: Work, file: Row[Any], seen_damaged: datetime | None) -> None:
    lock_key(work.connection, blob_lock(file.digest))
    known = work.connection.execute(select(blobs).where(blobs.c.digest == file.digest)).one_or_none()
    if known is None:
        work.connection.execute(insert(blobs).values(digest=file.digest, size=file.size, created_at=work.now))
    elif known.damaged_at is not None:
        _heal(work, known, seen_damaged)
    elif file.received_at is None:
        # These have taken the place of those that were there: who has read those knows nothing of these.
        work.connection.execute(update(blobs).where(blobs.c.digest == file.digest).values(created_at=work.now))
    if file.received_at is None:
        work.connection.execute(
            update(upload_files)
            .where(upload_files.c.upload_id == file.upload_id, upload_files.c.digest == file.digest)
            .values(received_at=work.now)
        )


def _heal(work: Work, blob: Row[Any], seen_damaged: datetime | None) -> None:
    """Good bytes have taken the place of those that were set aside, if these came after they were.

    :raises BeingCollected: they may have been found there already, damaged.
    """

    if blob.damaged_at != seen_damaged or blob.condemned_at is not None:
        raise BeingCollected(
            f"{blob.digest} was found damaged in the store while it was sent. Send it again.", digest=blob.digest
        )
    work.connection.execute(
        update(blobs).where(blobs.c.digest == blob.digest).values(damaged_at=None, created_at=work.now)
    )
    tell_of_artifact(work, EventKind.ARTIFACT_HEALED, blob.digest)
    reach("scrub.healed")


def file_continued(
    work: Work, upload: str, digest: str, kept: int, *, seen_damaged: datetime | None = None
) -> UploadFile:
    """Note that the store keeps so many bytes of a file: verified and durable where these are all.

    :raises BeingCollected: as `file_received`.
    """

    reach("upload.before_row")
    file = awaited_file(work, upload, digest, lock=True)
    whole = kept == file.size
    if whole:
        _note_received(work, file, seen_damaged)
        reach("upload.row_written")
    _extend(work, upload)
    reach("piece.noted")
    return _received(file) if whole else describe_file(file, kept)


def _received(file: Row[Any]) -> UploadFile:
    """The file as it stands after the note that it has arrived."""
    return msgspec.structs.replace(describe_file(file, file.size), received=True)


def keep_open(work: Work, upload: str, digest: str) -> UploadFile:
    """Note that somebody is about to send a file, which isn't whole yet."""

    file = awaited_file(work, upload, digest)
    _extend(work, upload)
    return describe_file(file, 0)


def abort_upload(work: Work, upload: str) -> None:
    """End the session. What it brought and nothing else needs is left to the collection."""

    session = find_upload(work, upload, lock=True)
    work.connection.execute(update(uploads).where(uploads.c.id == session.id).values(closed_at=work.now))


def take_in(work: Work, files: Sequence[Announced], upload: str | None) -> None:
    """Let what is registered rely on bytes: those that this upload, which ends here, brought or was spared, or those of
    a version in sight.

    :raises InvalidManifest, SizeMismatch: a digest stands with two sizes, or with another than its bytes have.
    :raises UploadIncomplete: bytes are in neither.
    """

    sizes = {file.digest: file.size for file in files}
    if not sizes and upload is None:
        return
    if len({(file.digest, file.size) for file in files}) != len(sizes):
        raise InvalidManifest("One digest stands with two sizes in the manifest. Compute the manifest again.")
    covered: set[str] = set()
    if upload is not None:
        session = find_upload(work, upload, lock=True)
        covered.update(
            work.connection.execute(
                select(upload_files.c.digest).where(
                    upload_files.c.upload_id == session.id, upload_files.c.received_at.is_not(None)
                )
            ).scalars()
        )
        work.connection.execute(update(uploads).where(uploads.c.id == session.id).values(closed_at=work.now))
    missing = sorted(sizes.keys() - covered)
    if missing:
        missing = sorted(set(missing) - readable_digests(work, missing))
    if missing:
        raise UploadIncomplete(
            f"The bytes of {len(missing)} file(s) have not arrived. Upload them, then register.", missing=missing[:100]
        )
    for row in _KNOWN.rows(work.connection, digests=list(sizes)):
        if row.size != sizes[row.digest]:
            raise SizeMismatch(
                f"{row.digest} has {row.size} bytes, and the manifest says {sizes[row.digest]}. Compute it again.",
                digest=row.digest,
            )

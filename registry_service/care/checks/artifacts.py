"""Rows against bytes, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Row, Select, select

from registry_service.care.findings import Check, Look
from registry_service.db.queries.needed import NEEDED, is_needed
from registry_service.db.tables import blobs, models, upload_files, uploads

_FILES: Final = (
    select(models.c.name, *NEEDED.c)
    .join_from(NEEDED, models, models.c.id == NEEDED.c.model_id)
    .order_by(models.c.name, NEEDED.c.number, NEEDED.c.of_check, NEEDED.c.path)
)
_RECEIVED: Final = (
    select(upload_files)
    .join(uploads, uploads.c.id == upload_files.c.upload_id)
    .where(uploads.c.closed_at.is_(None), upload_files.c.received_at.is_not(None))
)


def _missing(look: Look) -> Iterator[tuple[str, str]]:
    for row in look.rows(_FILES):
        size = look.stored.get(row.digest)
        if size != row.size:
            there = "nothing" if size is None else f"{size} bytes"
            yield (
                f"{_which(row)} has {row.size} bytes, and the store {there}",
                row.digest,
            )


def _altered(look: Look) -> Iterator[tuple[str, str]]:
    if look.altered:
        for row in look.rows(_FILES):
            if row.digest in look.altered:
                yield f"{_which(row)} is {row.digest}, and its bytes are {look.altered[row.digest]}", row.digest


def _which(row: Row[Any]) -> str:
    of = f"the check {row.of_check} of " if row.of_check else ""
    return f"'{row.path}' of {of}version {row.number} of {row.name}"


def _without_row(statement: Select[Any]) -> Select[Any]:
    needed = statement.order_by(None).subquery()
    return (
        select(needed.c.digest, needed.c.size, blobs.c.size.label("known"))
        .join(blobs, blobs.c.digest == needed.c.digest, isouter=True)
        .where(blobs.c.digest.is_(None) | (blobs.c.size != needed.c.size))
        .distinct()
    )


def _unknown(look: Look) -> Iterator[tuple[str, str]]:
    for statement, who in ((_FILES, "a version"), (_RECEIVED, "an open upload")):
        for row in look.rows(_without_row(statement)):
            yield (
                f"{who} has {row.digest} with {row.size} bytes, and the row of these bytes says {row.known}",
                row.digest,
            )


def _bytes_gone(look: Look) -> Iterator[tuple[str, str]]:
    whole = select(blobs).where(blobs.c.condemned_at.is_(None), blobs.c.damaged_at.is_(None))
    for row in look.rows(whole):
        size = look.stored.get(row.digest)
        if size != row.size:
            yield (
                f"{row.digest} has a row with {row.size} bytes, and the store has {size or 'none'} of them",
                row.digest,
            )


def _damaged(look: Look) -> Iterator[tuple[str, str]]:
    for row in look.rows(_FILES.join(blobs, blobs.c.digest == NEEDED.c.digest).where(blobs.c.damaged_at.is_not(None))):
        yield f"the bytes of {_which(row)} were damaged and are set aside; an upload of them heals it", row.digest


def _condemned(look: Look) -> Iterator[tuple[str, str]]:
    wrong = select(blobs.c.digest).where(
        blobs.c.condemned_at.is_not(None), blobs.c.damaged_at.is_(None), is_needed(blobs.c.digest)
    )
    for row in look.rows(wrong):
        yield f"{row.digest} is being collected, and a version needs it", row.digest


def _received(look: Look) -> Iterator[tuple[str, str]]:
    for row in look.rows(_RECEIVED):
        if look.stored.get(row.digest) != row.size:
            yield f"upload {row.upload_id} has brought {row.digest}, which isn't in the store", row.digest


def _announced_late(look: Look) -> Iterator[str]:
    late = select(upload_files.c.upload_id, upload_files.c.digest).join(
        uploads, uploads.c.id == upload_files.c.upload_id
    )
    for row in look.rows(late.where(upload_files.c.received_at < uploads.c.created_at)):
        yield f"upload {row.upload_id} had received {row.digest} before it began"


def _rowless(look: Look) -> Iterator[tuple[str, str]]:
    known = set(look.connection.execute(select(blobs.c.digest)).scalars())
    for digest in sorted(look.stored.keys() - known):
        yield f"{digest} is in the store and has no row; gc will find it", digest


SEEN_IN_STORE: Final = frozenset({"bytes_missing", "bytes_gone", "upload_bytes"})
"""Those that say of bytes that they aren't in the store."""

CHECKS: Final = (
    Check(
        "bytes_missing",
        "Every file of every version and every attachment of its checks has its bytes, as many as its size says.",
        _missing,
    ),
    Check(
        "bytes_altered",
        "The bytes of every file of every version and every attachment have its digest (`--deep`).",
        _altered,
    ),
    Check("bytes_unknown", "What versions and open uploads have received has a row, with the same size.", _unknown),
    Check("bytes_gone", "Whatever has a row, and is neither damaged nor being collected, has its bytes.", _bytes_gone),
    Check("artifact_damaged", "No version lacks bytes that were set aside as damaged.", _damaged),
    Check("condemned_needed", "What a version needs is not being collected.", _condemned),
    Check("upload_bytes", "What an open upload has received is in the store.", _received),
    Check("upload_times", "An upload begins before it receives.", _announced_late),
    Check("bytes_without_row", "All bytes of the store have a row.", _rowless, note=True),
)

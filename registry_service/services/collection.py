"""Taking artifacts out of the store: those that nobody needs, and those that are damaged.

An upload that finds its bytes in the store already is acknowledged without writing them, so it must not find what is
about to go. Hence three steps, each committed before the next begins:

    condemn   in a transaction: the row says so, and from here on uploads of this digest are refused, retryably
    remove    the bytes, from the store
    forget    in a transaction: the row goes too, and an upload brings the bytes anew

Nothing is condemned that an open upload has announced or a version has: start_upload shares the lock under which
artifacts are condemned, so it either is committed before and seen, or begins after and sees. And an upload asks whether
its digest is condemned after it was announced and before its bytes are taken in (`awaited_file`); what isn't condemned
then, stays in the store for as long as the upload is open.

Whoever dies in between leaves condemned rows, which anybody may take over once their lease is over. A process that was
only asleep must not then remove what was sent again since: it removes only within the first third of its lease.

The bytes of revoked versions and of deleted models stay: content is history, and a deleted model may come back. Those
of a deleted version, and of what was attached to its checks, go once it is let go (`services.keeping`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Row, Select, and_, delete, exists, func, insert, select, update

from registry_service.db.locks import COLLECTION_LOCK, blob_lock, lock_key
from registry_service.db.queries.needed import is_needed
from registry_service.db.query import one_of
from registry_service.db.tables import blobs, upload_files, uploads
from registry_service.db.view import View
from registry_service.domain.entities import CollectedArtifact
from registry_service.domain.events import EventKind
from registry_service.failpoints import reach
from registry_service.services.changes import tell_of_artifact
from registry_service.services.work import Work

LEASE: Final = timedelta(seconds=60)
REMOVE_WITHIN: Final = LEASE / 3
TAKEN_OVER_AT_ONCE: Final = 100


class Condemned(msgspec.Struct, frozen=True):
    """What one process takes out of the store. `since` tells its rows from those of others; `damaged`: these of them
    are set aside, and keep their rows."""

    since: datetime
    artifacts: list[CollectedArtifact]
    damaged: list[str] = []


_NEEDED: Final = is_needed(blobs.c.digest)
_PINNED: Final = exists().where(
    upload_files.c.digest == blobs.c.digest, uploads.c.id == upload_files.c.upload_id, uploads.c.closed_at.is_(None)
)


def _garbage(now: datetime, grace: timedelta) -> Select[Any]:
    return select(blobs).where(blobs.c.created_at <= now - grace, blobs.c.condemned_at.is_(None), ~_NEEDED, ~_PINNED)


def window(view: View, *, after: str, rows: int) -> str | None:
    """The digest at which a look at so many rows ends; None where fewer are left."""

    statement = select(blobs.c.digest).where(blobs.c.digest > after).order_by(blobs.c.digest)
    return view.connection.execute(statement.offset(rows - 1).limit(1)).scalar()


def find_garbage(view: View, *, grace: timedelta, after: str, until: str | None, limit: int) -> list[CollectedArtifact]:
    """Artifacts that no version and no open upload needs, older than `grace`; in the order of their digests."""

    statement = _garbage(view.now, grace).where(blobs.c.digest > after)
    if until is not None:
        statement = statement.where(blobs.c.digest <= until)
    return [_described(row) for row in view.connection.execute(statement.order_by(blobs.c.digest).limit(limit))]


def condemn(work: Work, digests: Sequence[str], *, grace: timedelta) -> Condemned:
    """Those of the digests that are garbage at this moment, condemned."""

    lock_key(work.connection, COLLECTION_LOCK)
    rows = work.connection.execute(
        _garbage(work.now, grace).where(one_of(blobs.c.digest, "digests")).order_by(blobs.c.digest).with_for_update(),
        {"digests": list(digests)},
    ).all()
    _condemn(work, [row.digest for row in rows], damaged_at=None)
    reach("gc.condemned")
    return Condemned(work.now, [_described(row) for row in rows])


def take_over(work: Work) -> Condemned:
    """What others condemned and didn't finish in time, condemned anew."""

    rows = work.connection.execute(
        select(blobs)
        .where(blobs.c.condemned_at <= work.now - LEASE)
        .order_by(blobs.c.digest)
        .limit(TAKEN_OVER_AT_ONCE)
        .with_for_update()
    ).all()
    _condemn(work, [row.digest for row in rows])
    damaged = [row.digest for row in rows if row.damaged_at is not None]
    return Condemned(work.now, [_described(row) for row in rows], damaged)


def _condemn(work: Work, digests: Collection[str], **values: None) -> None:
    work.connection.execute(update(blobs).where(blobs.c.digest.in_(digests)).values(condemned_at=work.now, **values))


def some_are_abandoned(view: View) -> bool:
    """Whether there is something to take over."""
    return view.connection.execute(select(exists().where(blobs.c.condemned_at <= view.now - LEASE))).scalar_one()


def forget(work: Work, condemned: Condemned, removed: Collection[str]) -> None:
    """The bytes of `removed` are gone from the store; the others are pardoned."""

    own = and_(blobs.c.condemned_at == condemned.since, blobs.c.digest.in_([a.digest for a in condemned.artifacts]))
    gone = blobs.c.digest.in_(removed)
    work.connection.execute(delete(blobs).where(own, gone, blobs.c.damaged_at.is_(None)))
    work.connection.execute(update(blobs).where(own, gone).values(condemned_at=None))
    # Not set aside: whether they are damaged is for the next look to say.
    work.connection.execute(update(blobs).where(own, ~gone).values(condemned_at=None, damaged_at=None))
    reach("gc.forgotten")


def unknown_digests(view: View, digests: Collection[str]) -> set[str]:
    """Those of the digests that have no row."""

    known = select(blobs.c.digest).where(one_of(blobs.c.digest, "digests"))
    return set(digests) - set(view.connection.execute(known, {"digests": list(digests)}).scalars())


def adopt(work: Work, sizes: Mapping[str, int]) -> None:
    """Give rows to bytes that have none, so that their grace is counted from here."""

    for digest in sorted(sizes):
        lock_key(work.connection, blob_lock(digest))
    unknown = unknown_digests(work, sizes)
    if unknown:
        rows = [{"digest": digest, "size": sizes[digest], "created_at": work.now} for digest in sorted(unknown)]
        work.connection.execute(insert(blobs), rows)
    reach("gc.adopted")


def open_uploads(view: View, ids: Collection[str]) -> set[str]:
    """Those of the upload sessions that are open."""

    statement = select(uploads.c.id).where(one_of(uploads.c.id, "ids"), uploads.c.closed_at.is_(None))
    return set(view.connection.execute(statement, {"ids": list(ids)}).scalars())


class Suspect(msgspec.Struct, frozen=True):
    """An artifact whose row said this before its bytes were read."""

    digest: str
    size: int
    created_at: datetime


def next_suspects(view: View, *, after: str, limit: int) -> list[Suspect]:
    """Artifacts that should be whole, in the order of their digests."""

    statement = (
        select(blobs)
        .where(blobs.c.digest > after, blobs.c.condemned_at.is_(None), blobs.c.damaged_at.is_(None))
        .order_by(blobs.c.digest)
        .limit(limit)
    )
    return [Suspect(row.digest, row.size, row.created_at) for row in view.connection.execute(statement)]


def count_unhealed(view: View) -> int:
    """How many artifacts versions lack because they were found damaged."""
    statement = select(func.count()).select_from(blobs).where(blobs.c.damaged_at.is_not(None), _NEEDED)
    return view.connection.execute(statement).scalar_one()


def mark_damaged(work: Work, suspect: Suspect) -> Condemned:
    """Condemn damaged bytes, which versions and uploads may rely on: uploads are to bring them again.

    Nothing is condemned where other bytes have come in their place since they were read.
    """

    lock_key(work.connection, COLLECTION_LOCK)
    lock_key(work.connection, blob_lock(suspect.digest))
    row = work.connection.execute(
        select(blobs)
        .where(
            blobs.c.digest == suspect.digest,
            blobs.c.created_at == suspect.created_at,
            blobs.c.condemned_at.is_(None),
            blobs.c.damaged_at.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        return Condemned(work.now, [])
    work.connection.execute(
        update(blobs).where(blobs.c.digest == row.digest).values(condemned_at=work.now, damaged_at=work.now)
    )
    unfinished = select(uploads.c.id).where(uploads.c.closed_at.is_(None))
    work.connection.execute(
        update(upload_files)
        .where(upload_files.c.digest == row.digest, upload_files.c.upload_id.in_(unfinished))
        .values(received_at=None)
    )
    tell_of_artifact(work, EventKind.ARTIFACT_DAMAGED, row.digest)
    reach("scrub.marked")
    return Condemned(work.now, [_described(row)], [row.digest])


def _described(row: Row[Any]) -> CollectedArtifact:
    return CollectedArtifact(digest=row.digest, size=row.size, since=row.created_at)

"""What a store keeps of a file that isn't whole yet, and of what becomes of it.

The file lies on a grid: part n has the bytes from (n-1) · part size on. What doesn't fill a part is the *end*, an
object of its own that is named after its offset. An end, even an empty one, is written before the first part: so
whatever is kept is found by a listing of objects, also in stores that don't list unfinished uploads (MinIO).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from minio.datatypes import Part

from registry_service.domain.errors import (
    ArtifactMissing,
    DigestMismatch,
    OffsetMismatch,
    StorageUnavailable,
    UploadIncomplete,
)
from registry_service.failpoints import reach
from registry_service.storage.incoming import verify_digest
from registry_service.storage.s3.bucket import Bucket, Entry
from registry_service.storage.s3.place import S3Place, end_key
from registry_service.storage.s3.reading import hash_of

SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Grid:
    """How a file of `size` bytes is cut into parts of `part` bytes."""

    size: int
    part: int

    @property
    def count(self) -> int:
        return -(-self.size // self.part)

    def start(self, number: int) -> int:
        """The first byte of a part; parts are counted from 1."""
        return (number - 1) * self.part

    def length(self, number: int) -> int:
        return min(self.part, self.size - self.start(number))


@dataclass(frozen=True, slots=True)
class Kept:
    """`parts` are those that arrived whole, by number; `multipart` is the unfinished upload that they belong to, `ends`
    are the kept ends by their offsets. `assembled`: all parts have become one object."""

    grid: Grid
    assembled: bool = False
    multipart: str | None = None
    parts: dict[int, Part] = field(default_factory=dict)
    ends: list[tuple[int, Entry]] = field(default_factory=list)

    @property
    def row(self) -> list[Part]:
        """The parts up to the first that is missing."""
        found: list[Part] = []
        while part := self.parts.get(len(found) + 1):
            found.append(part)
        return found

    @property
    def end(self) -> Entry | None:
        """What goes on behind the row of parts."""
        position = min(self.grid.size, len(self.row) * self.grid.part)
        return next((entry for offset, entry in self.ends if offset == position and entry.size), None)

    @property
    def length(self) -> int:
        """Bytes that are kept from the first on."""
        if self.assembled:
            return self.grid.size
        in_parts = min(self.grid.size, len(self.row) * self.grid.part)
        return in_parts + (self.end.size if self.end is not None else 0)

    @property
    def missing(self) -> list[int]:
        """The numbers of the parts that haven't arrived."""
        if self.assembled:
            return []
        return [number for number in range(1, self.grid.count + 1) if number not in self.parts]


def look(bucket: Bucket, key: str, grid: Grid) -> Kept:
    """What is kept of the file under `key` now."""
    ends = [(int(entry.key.rpartition(".")[2]), entry) for entry in bucket.all(f"{key}.")]
    if not ends:
        return Kept(grid)
    if bucket.size(key) == grid.size:
        return Kept(grid, assembled=True, ends=ends)
    begun = bucket.unfinished(key)
    # Of several that were begun at once everybody takes the same one; the others go when the file does.
    multipart = begun[0] if begun else None
    try:
        arrived = bucket.parts(key, multipart) if multipart is not None else {}
    except ArtifactMissing:  # completed or ended at this moment
        multipart, arrived = None, {}
    # A part of another length can't be part of the file: whoever has a URL may send anything.
    parts = {
        number: part
        for number, part in arrived.items()
        if 1 <= number <= grid.count and part.size == grid.length(number)
    }
    return Kept(grid, multipart=multipart, parts=parts, ends=ends)


def begin(bucket: Bucket, key: str, kept: Kept) -> Kept:
    """The same, with an unfinished upload to send parts to."""
    if not kept.ends:
        mark = end_key(key, 0)
        bucket.put(mark, b"")
        kept = replace(kept, ends=[(0, Entry(mark, 0, datetime.now(UTC)))])
    if kept.multipart is None:
        begun = bucket.begin(key)
        kept = replace(kept, multipart=next(iter(bucket.unfinished(key)), begun))
    return kept


def assemble(bucket: Bucket, key: str, grid: Grid) -> None:
    """Make one object of the parts, all of which arrived.

    :raises UploadIncomplete: some haven't.
    """
    kept = look(bucket, key, grid)
    if kept.assembled:
        return
    if kept.missing or kept.multipart is None:
        raise UploadIncomplete(
            f"{len(kept.missing)} of {grid.count} parts haven't arrived. Ask which, and send them.",
            missing=kept.missing[:SHOWN],
        )
    # Gone: another request was faster.
    with suppress(ArtifactMissing):
        bucket.complete(key, kept.multipart, kept.row)


def forget(bucket: Bucket, key: str) -> None:
    """Remove whatever is kept of a file; its ends last, since by them it is found."""
    ends = list(bucket.all(f"{key}."))
    for upload in bucket.unfinished(key):
        bucket.abort(key, upload)
    bucket.remove(key)
    for entry in ends:
        bucket.remove(entry.key)


def publish(bucket: Bucket, place: S3Place, key: str, hexadecimal: str, size: int) -> None:
    """Read an assembled object back, and where it is what was announced, copy it to its digest, in the place of what is
    there. It is kept still, so that whoever dies before he has noted whose it is finds it whole.

    :raises DigestMismatch: it is something else; nothing of it is kept.
    :raises OffsetMismatch: it is gone, or other bytes have taken its place. Bytes of this digest may be there then, and
        prove nothing: another request may just as well have found these to be wrong.
    """
    blob = place.blob(hexadecimal)
    try:
        # Copied is only what was read: a body that began before any part was kept brings an upload in parts of its own,
        # and may complete it to other bytes meanwhile.
        etag = bucket.etag(key)
        verify_digest(hash_of(bucket, key, size, etag=etag), hexadecimal)
        bucket.copy(key, blob, size, etag=etag)
    except ArtifactMissing:
        raise gone() from None
    except DigestMismatch:
        forget(bucket, key)
        raise
    if bucket.size(blob) != size:
        raise StorageUnavailable("These bytes didn't reach their place in the object store. Send the file again.")
    reach("upload.renamed")


def settle(bucket: Bucket, key: str) -> None:
    """As `forget`, at the cost of one listing where nothing is kept."""
    if bucket.page(f"{key}."):
        forget(bucket, key)


def gone() -> OffsetMismatch:
    return OffsetMismatch(
        "What was kept of this file is gone: another request has completed it, or it was discarded. Ask what is kept."
    )

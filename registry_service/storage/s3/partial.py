"""One file on its way into a bucket, that may come in several bodies: what arrived is kept, and the next body goes on
behind it."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from concurrent.futures import Future, wait
from dataclasses import replace

from registry_service.domain.errors import ArtifactMissing, DigestMismatch, OffsetMismatch, Unavailable
from registry_service.failpoints import reach
from registry_service.storage.incoming import verify_digest
from registry_service.storage.partial import offset_mismatch
from registry_service.storage.s3.bucket import Bucket
from registry_service.storage.s3.kept import Grid, Kept, begin, forget, gone, look
from registry_service.storage.s3.place import S3Place, end_key


class Partial:
    """A body that is appended to what is kept of its file. The methods block, and run in worker threads.

    `give_way` and `forget` may come at any time: they wait for the call under way, and calls that were queued behind
    find the body over.
    """

    def __init__(self, bucket: Bucket, place: S3Place, key: str, hexadecimal: str, grid: Grid) -> None:
        self._bucket = bucket
        self._place = place
        self._key = key
        self._hex = hexadecimal
        self._grid = grid
        self._kept = Kept(grid)
        self._sent = 0
        self._lock = threading.Lock()
        self._over = False

    @property
    def part(self) -> int:
        """Bytes of a full part."""
        return self._grid.part

    def begin(self, offset: int) -> bytes:
        """Find what is kept. The end of it, which hasn't filled a part yet, is the beginning of the next one.

        :raises OffsetMismatch: it isn't `offset` bytes.
        """
        with self._lock:
            self._check_not_over()
            self._kept = look(self._bucket, self._key, self._grid)
            if offset != self._kept.length:
                raise offset_mismatch(self._kept.length)
            if self._kept.assembled:
                return b""
            self._sent = len(self._kept.row)
            return self._bucket.read(self._kept.end.key) if self._kept.end is not None else b""

    def send(self, part: bytearray) -> None:
        """Pass on the next part, which is full, or the last."""
        with self._lock:
            self._check_not_over()
            self._send(part)

    def _send(self, part: bytearray) -> None:
        self._kept = begin(self._bucket, self._key, self._kept)
        assert self._kept.multipart is not None
        number = self._sent + 1
        try:
            arrived = self._bucket.put_part(self._key, self._kept.multipart, number, part)
        except ArtifactMissing:
            raise gone() from None
        self._kept = replace(self._kept, parts=self._kept.parts | {number: arrived})
        self._sent = number
        reach("upload.bytes_written")

    def finish(self, rest: bytearray) -> bool:
        """All bytes came, `rest` behind the parts. Either they are at their digest then, or (True) assembled and to be
        published.

        :raises DigestMismatch: they are something else; nothing of them is kept.
        """
        with self._lock:
            self._check_not_over()
            self._over = True
            if self._kept.assembled:
                return True
            if self._sent == 0:
                self._put_whole(rest)
                return False
            if rest:
                self._send(rest)
            assert self._kept.multipart is not None
            with contextlib.suppress(ArtifactMissing):  # another request was faster
                self._bucket.complete(self._key, self._kept.multipart, self._kept.row)
            return True

    def _put_whole(self, body: bytearray) -> None:
        """A body of one part at most needs no detour: the store takes it whole or not at all. What is kept of it stays
        until it is settled; what came last isn't among that."""
        try:
            verify_digest(hashlib.sha256(body), self._hex)
        except DigestMismatch:
            for _, entry in self._kept.ends:
                self._bucket.remove(entry.key)
            raise
        reach("upload.before_sync")
        self._bucket.put(self._place.blob(self._hex), body)

    def keep(self, rest: bytearray, sending: Future[None] | None) -> int | None:
        """Keep what came of a body that isn't the last; how many bytes of the file that makes, or None where another
        request goes on with it. `rest` is behind the part that is being sent, and worthless without it."""
        if sending is not None:
            wait([sending])
        with self._lock:
            if self._over:
                return None
            self._over = True
            if sending is not None and (sending.cancelled() or sending.exception() is not None):
                rest = bytearray()
            if len(rest) == self.part:
                self._send(rest)
                rest = bytearray()
            if len(self._kept.row) > self._sent:
                # Parts that had arrived ahead of their turn go on from here.
                return self._kept.length
            if not rest and not self._kept.ends:
                return 0
            position = self._sent * self.part
            known = self._kept.end
            if known is not None and known.size >= len(rest):
                return position + known.size
            self._bucket.put(end_key(self._key, position), rest)
            for offset, entry in self._kept.ends:
                if offset != position:
                    self._bucket.remove(entry.key)
            return position + len(rest)

    def give_way(self) -> None:
        """End this body here: another one goes on with the file."""
        with self._lock:
            self._over = True

    def forget(self) -> None:
        """End this body and leave nothing of it."""
        with self._lock:
            self._over = True
            if self._kept.ends:
                # What can't be removed now is a leftover, which is found and cleared later.
                with contextlib.suppress(Unavailable):
                    forget(self._bucket, self._key)

    def _check_not_over(self) -> None:
        if self._over:
            raise superseded()


def superseded() -> OffsetMismatch:
    return OffsetMismatch("Another request goes on with this file. Ask how much of it is kept.")

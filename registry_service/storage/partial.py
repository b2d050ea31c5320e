"""One file on its way into a filesystem store that may come in several bodies: what arrived is kept, and the next body
goes on behind it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from registry_service.domain.errors import DigestMismatch, OffsetMismatch
from registry_service.failpoints import reach
from registry_service.storage.file_writer import FileWriter
from registry_service.storage.incoming import hash_gathered, verify_digest
from registry_service.storage.tree import Tree

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

REHASH_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hashed:
    """The hash of a file's first `length` bytes, so that they need not be read again. `file` tells it from another one
    that has its name by then, and from what it is once it was changed."""

    hasher: Hash
    length: int
    file: tuple[int, ...]


class Partial:
    """A body that is appended to what is kept of its file. The methods block, raise OSError, and run in worker
    threads: `hash` beside `write`, the others one after the other.

    The length of the kept file is where the next body goes on. After a loss of power its end may be other bytes than
    were sent; the digest finds that out, and the file begins anew.

    `give_way` may come at any time: a sender whose connection broke comes back before its first request has noticed.
    Who gives way lets go only after those who were there `before`, so that of all of them one alone writes.
    """

    def __init__(
        self, tree: Tree, path: Path, size: int, hashed: Hashed | None, *, before: Partial | None = None
    ) -> None:
        self._tree = tree
        self._calls = tree.calls
        self._path = path
        self._size = size
        self._hashed = hashed
        self._before = before
        self._hasher: Hash | None = None
        self._lock = threading.Lock()
        self._over = False
        self._file: FileWriter | None = None

    def begin(self, offset: int) -> None:
        """Open the file for what comes at `offset`.

        :raises OffsetMismatch: it doesn't end there.
        """
        with self._lock:
            self._check_not_over()
            self._end_those_before()
            self._tree.make_directory(self._tree.incoming)
            kept = self._tree.size_of(self._path)
            if offset != (kept or 0):
                raise offset_mismatch(kept or 0)
            self._tree.free_bytes(self._size - offset)
            new = os.O_CREAT | os.O_EXCL if kept is None else 0
            descriptor = self._calls.open(self._path, os.O_WRONLY | os.O_APPEND | new)
            self._file = FileWriter(self._calls, descriptor, offset)
            if new:
                # The name survives before any of its bytes are acknowledged.
                self._tree.sync_directory(self._tree.incoming)
            reach("piece.begun")
            if offset == 0:
                self._hasher = hashlib.sha256()
            elif self._hashed is not None and self._hashed.length == offset:
                self._hasher = self._hashed.hasher.copy()

    def hash(self, chunks: Sequence[bytes]) -> None:
        if self._hasher is not None:
            hash_gathered(self._hasher, chunks)

    def write(self, chunks: Sequence[bytes]) -> None:
        with self._lock:
            self._check_not_over()
            assert self._file is not None
            # Another service may have gone on with the file, and completed it: bytes that come behind would be the
            # end of what it published.
            if self._file.status().st_size != self._file.position:
                self._over = True
                self._check_not_over()
            self._file.write(chunks)
            reach("piece.bytes_written")

    def keep(self, *, whole_body: bool) -> Hashed | None:
        """Make what arrived durable. The hash of it, where that is known: a body that broke off may have been hashed
        further than it was written.
        """
        with self._lock:
            # Here as well: nobody comes to it who was cancelled before it began.
            self._end_those_before()
            if self._file is None:
                return None
            hashed = None
            try:
                if not self._over:
                    self._file.sync()
                    reach("piece.synced")
                    if whole_body and self._hasher is not None:
                        hashed = Hashed(self._hasher, self._file.position, _which(self._file.status()))
            finally:
                self._over = True
                self._file.close()
            return hashed

    def give_way(self) -> None:
        """End this body here: another one goes on with the file."""
        with self._lock:
            self._over = True
            self._end_those_before()
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.close()

    def _end_those_before(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            before.give_way()

    def _check_not_over(self) -> None:
        if self._over:
            raise OffsetMismatch("Another request goes on with this file. Ask how much of it is kept.")


def publish(tree: Tree, path: Path, hexadecimal: str, size: int, hashed: Hashed | None) -> None:
    """Verify a file that is kept whole, and make it visible and durable as its digest, in the place of what is there.
    It is kept still, so that whoever dies before he has noted whose it is finds it whole.

    :raises DigestMismatch: it is something else; nothing of it is kept.
    :raises OffsetMismatch: it is gone. Bytes of this digest may be there then, and prove nothing: another request may
        just as well have found these to be wrong.
    """
    blob = tree.blob(hexadecimal)
    tree.make_directory(blob.parent)
    try:
        # By a name of its own: meanwhile another request may settle the file, and a third begin one under its name.
        with tree.second_name(path) as second:
            verify_digest(_hash_of(tree, second, size, hashed), hexadecimal)
            reach("piece.verified")
            tree.calls.rename(second, blob)
            reach("piece.renamed")
    except FileNotFoundError:
        raise OffsetMismatch(
            "What was kept of this file is gone: another request completed it, or it was discarded. Ask what is kept."
        ) from None
    except DigestMismatch:
        with contextlib.suppress(FileNotFoundError):
            tree.calls.unlink(path)
        raise
    tree.sync_directory(blob.parent)
    reach("piece.directory_synced")


def offset_mismatch(kept: int) -> OffsetMismatch:
    return OffsetMismatch(
        f"{kept:,} bytes of this file are kept. Go on from there: 'Upload-Offset: {kept}'.", kept=kept
    )


def _which(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _hash_of(tree: Tree, path: Path, size: int, hashed: Hashed | None) -> Hash:
    """Read again, unless these are the bytes that were hashed as they came.

    :raises FileNotFoundError: it isn't whole, so another one than was kept.
    """
    status = tree.calls.stat(path)
    if status.st_size < size:
        raise FileNotFoundError(path)
    if hashed is not None and hashed.length == size == status.st_size and hashed.file == _which(status):
        return hashed.hasher
    return _read(tree, path)


def _read(tree: Tree, path: Path) -> Hash:
    hasher = hashlib.sha256()
    descriptor = tree.calls.open(path, os.O_RDONLY)
    try:
        position = 0
        while piece := tree.calls.read(descriptor, REHASH_PIECE, position):
            hasher.update(piece)
            position += len(piece)
    finally:
        tree.calls.close(descriptor)
    return hasher

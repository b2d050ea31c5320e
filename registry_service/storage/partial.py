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
from registry_service.storage.incoming import verify_digest
from registry_service.storage.tree import Tree

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

REHASH_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hashed:
    """The hash of a file's first `length` bytes, so that they need not be read again."""

    hasher: Hash
    length: int


class Partial:
    """A body that is appended to what is kept of its file. The methods block, raise OSError, and run in worker
    threads: `hash` beside `write`, the others one after the other.

    The length of the kept file is where the next body goes on. After a loss of power its end may be other bytes than
    were sent; the digest finds that out, and the file begins anew.

    `give_way` may come at any time: a sender whose connection broke comes back before its first request has noticed.
    """

    def __init__(self, tree: Tree, path: Path, size: int, hashed: Hashed | None) -> None:
        self._tree = tree
        self._calls = tree.calls
        self._path = path
        self._size = size
        self._hashed = hashed
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
            self._hasher.update(b"".join(chunks))

    def write(self, chunks: Sequence[bytes]) -> None:
        with self._lock:
            self._check_not_over()
            assert self._file is not None
            self._file.write(chunks)
            reach("piece.bytes_written")

    def keep(self, *, whole_body: bool) -> Hashed | None:
        """Make what arrived durable. The hash of it, where that is known: a body that broke off may have been hashed
        further than it was written.
        """
        with self._lock:
            if self._file is None:
                return None
            try:
                if not self._over:
                    self._file.sync()
                    reach("piece.synced")
            finally:
                self._over = True
                self._file.close()
            return Hashed(self._hasher, self._file.position) if whole_body and self._hasher is not None else None

    def give_way(self) -> None:
        """End this body here: another one goes on with the file."""
        with self._lock:
            self._over = True
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.close()

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
    try:
        hasher = hashed.hasher if hashed is not None and hashed.length == size else _read(tree, path)
        verify_digest(hasher, hexadecimal)
        blob = tree.blob(hexadecimal)
        tree.make_directory(blob.parent)
        reach("piece.verified")
        tree.publish_kept(path, hexadecimal)
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

"""One body on its way into a filesystem store: temporary file → fsync → rename → fsync of the directory.

Also where the digest is there already: reading that to find out whether it is still sound takes as long as writing it
anew, which needs no finding out.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from registry_service.domain.errors import DigestMismatch
from registry_service.failpoints import reach
from registry_service.storage.file_writer import FileWriter
from registry_service.storage.tree import Tree

if TYPE_CHECKING:
    from hashlib import _Hash as Hash


class Incoming:
    """What is known of the body so far. The methods block, raise OSError, and run in worker threads: `hash` beside
    `write`, the others one after the other.

    `discard` may come at any time, since a cancelled task can't stop a worker: it waits for the call under way, and
    calls that were queued behind it find the body abandoned and do nothing.
    """

    def __init__(self, tree: Tree, upload_id: str, hexadecimal: str, size: int) -> None:
        self._tree = tree
        self._calls = tree.calls
        self._upload_id = upload_id
        self._hex = hexadecimal
        self._size = size
        self._hasher = hashlib.sha256()
        self._lock = threading.Lock()
        self._abandoned = False
        self._path: Path | None = None
        self._file: FileWriter | None = None

    def begin(self) -> None:
        """Check for room and make the temporary file."""
        with self._lock:
            if self._abandoned:
                return
            self._tree.make_directory(self._tree.incoming)
            self._tree.free_bytes(self._size)
            path = self._tree.claim(self._upload_id)
            try:
                self._file = FileWriter(self._calls, self._calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            except OSError:
                self._tree.release(path)
                raise
            self._path = path
            reach("upload.begun")

    def hash(self, chunks: Sequence[bytes]) -> None:
        hash_gathered(self._hasher, chunks)

    def write(self, chunks: Sequence[bytes]) -> None:
        with self._lock:
            if self._file is not None:
                self._file.write(chunks)
                reach("upload.bytes_written")

    def finish(self) -> None:
        """Verify the bytes and make them visible and durable, in the place of what is there.

        If the last sync fails, the artifact stays visible without having been acknowledged. It must: another upload of
        the same bytes may have found it, synced the directory and been acknowledged.
        """
        with self._lock:
            if self._abandoned:
                return
            verify_digest(self._hasher, self._hex)
            blob = self._tree.blob(self._hex)
            self._tree.make_directory(blob.parent)
            self._publish(blob)
            self._tree.sync_directory(blob.parent)
            reach("upload.directory_synced")

    def _publish(self, blob: Path) -> None:
        assert self._path is not None
        assert self._file is not None
        reach("upload.before_sync")
        self._file.sync()
        reach("upload.synced")
        self._file.close()
        self._calls.rename(self._path, blob)
        reach("upload.renamed")
        self._tree.release(self._path)
        self._path = None

    def discard(self) -> None:
        """Let go of the temporary file, if there is one."""
        with self._lock:
            self._abandoned = True
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.close()
                self._file = None
            if self._path is not None:
                # What can't be removed now is a leftover, which is found and cleared later.
                with contextlib.suppress(OSError):
                    self._calls.unlink(self._path)
                self._tree.release(self._path)
                self._path = None


def hash_gathered(hasher: Hash, chunks: Sequence[bytes]) -> None:
    """Hash chunks as one: joining them takes a tenth of the hashing, while each call gives up the interpreter lock and
    waits to have it back."""
    hasher.update(b"".join(chunks))


def verify_digest(hasher: Hash, hexadecimal: str) -> None:
    """:raises DigestMismatch: other bytes came than those that were announced."""
    actual = hasher.hexdigest()
    if actual != hexadecimal:
        raise DigestMismatch(
            "The bytes received don't have the announced digest; nothing was kept. "
            "Hash the file again (it may have changed meanwhile) and send it once more.",
            expected=f"sha256:{hexadecimal}",
            actual=f"sha256:{actual}",
        )

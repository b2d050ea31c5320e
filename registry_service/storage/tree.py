"""The directories of a filesystem store.

    <root>/blobs/sha256/ab/ab12…    verified bytes under their digest, never changed
    <root>/uploads/<id>.<random>    bytes that are still coming in; same filesystem, so that a rename moves them
    <root>/uploads/<id>.<digest>    likewise, kept where they break off, and when whole until settled
    <root>/damaged/<digest>.<random>    bytes that were found to be something else

Directories are 0700 and files 0600 under any umask.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from registry_service.domain.errors import StorageFull, Unavailable
from registry_service.storage.base import Leftover
from registry_service.storage.system_calls import FileSystemCalls, storage_errors

_SHARD = re.compile(r"[0-9a-f]{2}")
_BLOB = re.compile(r"[0-9a-f]{64}")
# What file systems without hard links answer, and one on which a file has as many names as it can have.
_NO_LINK = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
_INCOMING = re.compile(r"([0-9A-Za-z][0-9A-Za-z_-]*)\.(?:[0-9a-f]{16}|[0-9a-f]{64})")


class Tree:
    """Names, directories and room. All methods block: call them in a worker thread."""

    def __init__(self, root: Path, calls: FileSystemCalls, keep_free: int) -> None:
        self.calls = calls
        self.incoming = root / "uploads"
        self._root = root
        self._blobs = root / "blobs" / "sha256"
        self._damaged = root / "damaged"
        self._keep_free = keep_free
        self._durable: set[Path] = set()
        self._in_flight: set[str] = set()

    @contextlib.contextmanager
    def refusals(self) -> Iterator[None]:
        """As `storage_errors`. After a failure nothing is taken for granted: a volume may have been exchanged."""
        try:
            with storage_errors():
                yield
        except Unavailable:
            self._durable.clear()
            raise

    # -------------------------------------------------------------------------------------------- directories

    def make_directory(self, directory: Path) -> None:
        """Make it, with the missing ones above, so that it survives a loss of power.

        The parent is synced even if the directory exists: whoever made it may not have come that far.
        """
        if directory in self._durable:
            return
        inside = directory.is_relative_to(self._root)
        if directory.parent.is_relative_to(self._root) or not directory.parent.exists():
            self.make_directory(directory.parent)
        try:
            self.calls.mkdir(directory)
        except FileExistsError:
            if inside:
                self._close_to_others(directory)
        try:
            self.sync_directory(directory.parent)
        except PermissionError:
            # Above the root is the operator's ground, which the service may be unable to open.
            if directory.parent.is_relative_to(self._root):
                raise
        self._durable.add(directory)

    def _close_to_others(self, directory: Path) -> None:
        if self.calls.stat(directory).st_mode & 0o077:
            try:
                self.calls.chmod(directory, 0o700)
            except PermissionError:
                # The root may be a mounted volume of another owner; what is inside is ours and closed.
                if directory != self._root:
                    raise

    def sync_directory(self, directory: Path) -> None:
        descriptor = self.calls.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.calls.fsync(descriptor)
        finally:
            self.calls.close(descriptor)

    # -------------------------------------------------------------------------------------------------- blobs

    def blob(self, hexadecimal: str) -> Path:
        return self._blobs / hexadecimal[:2] / hexadecimal

    def blob_size(self, hexadecimal: str) -> int | None:
        return self.size_of(self.blob(hexadecimal))

    def size_of(self, path: Path) -> int | None:
        try:
            return self.calls.stat(path).st_size
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def second_name(self, path: Path) -> Iterator[Path]:
        """Another name of a kept file, which nobody else can give to other bytes. Where a file can't have two names it
        is kept no longer.

        :raises FileNotFoundError: it isn't kept.
        """
        second = self.claim(path.name.partition(".")[0])
        try:
            try:
                self.calls.link(path, second)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                self.calls.rename(path, second)
            yield second
        finally:
            # Also after a rename to the blob, which does nothing where that is this very file (POSIX).
            with contextlib.suppress(OSError):
                self.calls.unlink(second)
            self.release(second)

    def remove_blob(self, hexadecimal: str) -> bool:
        # Without a sync of the directory: should the artifact come back after a loss of power, gc removes it again.
        try:
            self.calls.unlink(self.blob(hexadecimal))
        except FileNotFoundError:
            return False
        return True

    def set_aside_blob(self, hexadecimal: str) -> bool:
        blob = self.blob(hexadecimal)
        if self.size_of(blob) is None:
            return False
        self.make_directory(self._damaged)
        self.calls.rename(blob, self._damaged / f"{hexadecimal}.{secrets.token_hex(8)}")
        # With a sync, unlike a removal: damaged bytes that came back would be taken for good ones.
        self.sync_directory(blob.parent)
        return True

    def shards(self) -> list[str]:
        return self._names(self._blobs, _SHARD)

    def blobs(self, shard: str) -> list[str]:
        return [name for name in self._names(self._blobs / shard, _BLOB) if name.startswith(shard)]

    def _names(self, directory: Path, pattern: re.Pattern[str]) -> list[str]:
        try:
            names = self.calls.names(directory)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if pattern.fullmatch(name))

    # ----------------------------------------------------------------------------------------- incoming bytes

    def claim(self, upload_id: str) -> Path:
        """A fresh name for incoming bytes, which is no leftover until it is released."""
        path = self.incoming / f"{upload_id}.{secrets.token_hex(8)}"
        self.hold(path)
        return path

    def hold(self, path: Path) -> None:
        """Let it be no leftover until it is released."""
        self._in_flight.add(path.name)

    def release(self, path: Path) -> None:
        self._in_flight.discard(path.name)

    def kept(self, upload_id: str, hexadecimal: str) -> Path:
        """Where bytes of this digest are kept that came in under the upload, until it is settled."""
        return self.incoming / f"{upload_id}.{hexadecimal}"

    def leftovers(self) -> list[Leftover]:
        found: list[Leftover] = []
        for name in self._names(self.incoming, _INCOMING):
            if name in self._in_flight:
                continue
            try:
                status = self.calls.stat(self.incoming / name)
            except FileNotFoundError:  # published or dropped since the names were read
                continue
            changed_at = datetime.fromtimestamp(status.st_mtime, UTC)
            found.append(Leftover(name.partition(".")[0], name, status.st_size, changed_at))
        return found

    def settle(self, upload_id: str, hexadecimal: str) -> None:
        # Without a sync: should the name come back after a loss of power, it goes when the upload has ended.
        with contextlib.suppress(FileNotFoundError):
            self.calls.unlink(self.kept(upload_id, hexadecimal))

    def discard(self, upload_id: str) -> None:
        for leftover in self.leftovers():
            if leftover.upload_id == upload_id:
                with contextlib.suppress(FileNotFoundError):
                    self.calls.unlink(self.incoming / leftover.name)

    def probe(self) -> int:
        """Write, sync and remove a small file; the free space in bytes. Its leftover, if any, is called `check`."""
        self.make_directory(self.incoming)
        free = self.free_bytes(0)
        path = self.claim("check")
        try:
            descriptor = self.calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                self.calls.write(descriptor, [b"check"])
                self.calls.fsync(descriptor)
            finally:
                self.calls.close(descriptor)
        finally:
            with contextlib.suppress(FileNotFoundError):
                self.calls.unlink(path)
            self.release(path)
        return free

    def free_bytes(self, needed: int) -> int:
        """Free space before `needed` bytes are written. Raises StorageFull if less than `keep_free` would be left:
        a database on the same volume must outlive the uploads."""
        free = self.calls.free_bytes(self.incoming)
        if free - needed < self._keep_free:
            raise StorageFull(
                f"The artifact store lacks room: {free:,} bytes are free, {needed:,} are needed and "
                f"{self._keep_free:,} more are kept. Free space on its volume, then send it again.",
                needed=needed,
                free=free,
            )
        return free

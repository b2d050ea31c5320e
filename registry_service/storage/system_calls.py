"""The calls to the operating system that the filesystem store makes: the seam at which tests watch them and let them
fail, and the one place where an OSError becomes a refusal of the registry."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from registry_service.domain.errors import StorageFull, StorageUnavailable

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class FileSystemCalls:
    """`os`, narrowed to what the store needs. Each call blocks, and raises OSError."""

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, mode)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def read(self, descriptor: int, length: int, offset: int) -> bytes:
        return os.pread(descriptor, length, offset)

    def write(self, descriptor: int, chunks: Sequence[bytes | memoryview]) -> int:
        """Write as many of them as the system takes in one call; the number of bytes written."""
        return os.writev(descriptor, chunks)

    def start_writing(self, descriptor: int, start: int, length: int) -> None:
        """Let the disk begin with these bytes, so that the sync at the end finds little left to do. Only a hint, which
        not every system knows."""
        if hasattr(os, "posix_fadvise"):
            # On Linux this starts writing back what is dirty, and drops from memory only what is written already.
            os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        os.rename(source, target)  # noqa: PTH104 - a path's method would hide the call from the seam's reader

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name. OSError also where the file system knows no such thing."""
        os.link(source, target)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def mkdir(self, path: Path) -> None:
        path.mkdir(mode=0o700)

    def chmod(self, path: Path, mode: int) -> None:
        path.chmod(mode)

    def stat(self, path: Path) -> os.stat_result:
        return path.lstat()

    def status(self, descriptor: int) -> os.stat_result:
        return os.fstat(descriptor)

    def names(self, directory: Path) -> list[str]:
        return os.listdir(directory)  # noqa: PTH208 - names are wanted, not paths

    def free_bytes(self, directory: Path) -> int:
        """Room for an unprivileged writer."""
        room = os.statvfs(directory)
        return room.f_bavail * room.f_frsize


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn the OSError of a call into StorageFull or StorageUnavailable. Paths of this machine stay out of both."""
    try:
        yield
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "unknown")
        if error.errno in _NO_ROOM:
            raise StorageFull(
                "The artifact store has no room left; nothing was kept. Free space on its volume, then send it again.",
                errno=name,
            ) from error
        raise StorageUnavailable(
            f"The artifact store doesn't work ({os.strerror(error.errno or 0)}); nothing was changed. "
            "Try again, and if it stays so, let the operator look at the volume.",
            errno=name,
        ) from error

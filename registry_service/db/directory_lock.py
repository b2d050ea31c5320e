"""One process owns a directory: of a registry's data, or of its backups."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from registry_service.domain.errors import DatabaseUnavailable

LOCK_NAME = "lock"


class DirectoryLock:
    """An exclusive lock on a directory, held by an open file.

    `flock` belongs to the open file: the kernel drops it when the process ends in whatever way, so a crash leaves
    nothing to clean up. The file holds the owner's process id, for the message only, and stays where it is: removing
    it would let two processes lock two different files of the same name.

    `what` is what messages call the directory.
    """

    def __init__(self, directory: Path, what: str = "data directory") -> None:
        self.directory = directory
        self._what = what
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock at once, making the directory (mode 0700) where it is missing.

        Raises DatabaseUnavailable when another process has it, or when the directory can't be written.
        """

        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self.directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseUnavailable(
                f"Can't use the {self._what} {self.directory}: {error.strerror}. "
                "Make it writable for this user, or choose another one."
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise DatabaseUnavailable(
                f"The {self._what} {self.directory} is in use by process {owner}. "
                "Stop that process, or choose another directory."
            ) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock up; nothing happens where it isn't held."""

        if self._file is not None:
            os.close(self._file)
            self._file = None

"""Bytes on their way out and in: hashed, counted, and kept only if they are the right ones."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Final

from registry_service.client.files import LocalFile
from registry_service.domain.entities import ManifestFile
from registry_service.domain.errors import DigestMismatch, InvalidPath, SizeMismatch
from registry_service.domain.names import check_path
from registry_service.domain.requests import NewManifestFile

PIECE: Final = 1024 * 1024

Progress = Callable[[str, int, int], None]
Report = Callable[[str, int, int], None]


class ProgressReport:
    """Calls back with (path, bytes done, bytes in all), never from two threads at once."""

    def __init__(self, callback: Progress | None) -> None:
        self._callback = callback
        self._lock = Lock()

    def __call__(self, path: str, done: int, total: int) -> None:
        if self._callback is not None:
            with self._lock:
                self._callback(path, done, total)


class PartsReport:
    """Progress of a file whose parts are sent side by side, as if its bytes came one after the other."""

    def __init__(self, report: Report, kept: int) -> None:
        self._report = report
        self._kept = kept
        self._sent: dict[int, int] = {}
        self._lock = Lock()

    def of_part(self, start: int) -> Report:
        """What takes the progress of the part that begins at `start`."""

        def report(path: str, done: int, total: int) -> None:
            with self._lock:
                self._sent[start] = done - start
                self._report(path, self._kept + sum(self._sent.values()), total)

        return report


def measured(file: LocalFile) -> NewManifestFile:
    """The file's digest and size, read from one end to the other."""

    digest = hashlib.sha256()
    size = 0
    for piece in _pieces(file.source):
        digest.update(piece)
        size += len(piece)
    return NewManifestFile(path=file.path, digest=f"sha256:{digest.hexdigest()}", size=size, media_type=file.media_type)


class FileContent:
    """A file to send, or a part of it. Should it have changed since it was measured, the service refuses the bytes.

    `start` is the first byte, `length` how many are sent at most (None: all that follow). `origin` is where the file
    begins in a source that holds others as well; None: it is the source.
    """

    def __init__(
        self,
        source: Path,
        file: NewManifestFile,
        report: Report,
        *,
        start: int = 0,
        length: int | None = None,
        origin: int | None = None,
    ) -> None:
        self._source = source
        self._file = file
        self._report = report
        self._start = start
        self._origin = origin
        self._stop = file.size if length is None else min(file.size, start + length)

    @property
    def path(self) -> str:
        return self._file.path

    @property
    def size(self) -> int:
        """Bytes to send."""
        return self._stop - self._start

    def part(self, start: int, length: int) -> FileContent:
        return FileContent(self._source, self._file, self._report, start=start, length=length, origin=self._origin)

    def parts_report(self, kept: int) -> PartsReport:
        """For parts that are sent side by side, when `kept` bytes have arrived already."""
        return PartsReport(self._report, kept)

    def reported_by(self, report: Report) -> FileContent:
        """The same bytes, whose progress goes elsewhere."""
        return FileContent(self._source, self._file, report, start=self._start, length=self.size, origin=self._origin)

    def pieces(self) -> Iterator[bytes]:
        done = self._start
        self._report(self._file.path, done, self._file.size)
        is_part = self._stop < self._file.size or self._origin is not None
        for piece in _pieces(self._source, (self._origin or 0) + self._start):
            wanted = piece[: self._stop - done] if is_part else piece
            done += len(wanted)
            if done > self._file.size:
                raise SizeMismatch(
                    f"'{self._source}' has grown since it was measured. Register it once it is written.",
                    path=self._file.path,
                )
            yield wanted
            self._report(self._file.path, done, self._file.size)
            if done == self._stop and is_part:
                return
        if done < self._stop:
            raise SizeMismatch(
                f"'{self._source}' has shrunk since it was measured. Register it once it is written.",
                path=self._file.path,
            )


class Arriving:
    """Bytes as they come, held against what they have to be."""

    def __init__(self, file: ManifestFile, report: Report) -> None:
        self._file = file
        self._report = report
        self._digest = hashlib.sha256()
        self.received = 0

    def restart(self) -> None:
        self._digest = hashlib.sha256()
        self.received = 0
        self._report(self._file.path, 0, self._file.size)

    def admit(self, piece: bytes) -> None:
        """:raises SizeMismatch: more comes than the manifest says; stopped before it fills the disk."""

        if self.received + len(piece) > self._file.size:
            raise SizeMismatch(f"More bytes came for '{self._file.path}' than its version has.", path=self._file.path)

    def count(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.received += len(piece)
        self._report(self._file.path, self.received, self._file.size)

    def check(self) -> None:
        """:raises SizeMismatch, DigestMismatch: the bytes aren't the version's."""

        if self.received != self._file.size:
            raise SizeMismatch(
                f"{self.received} bytes came for '{self._file.path}', which has {self._file.size}. Try again.",
                path=self._file.path,
            )
        received = f"sha256:{self._digest.hexdigest()}"
        if received != self._file.digest:
            raise DigestMismatch(
                f"The bytes that came for '{self._file.path}' have the digest {received}, and its version says"
                f" {self._file.digest}. They were thrown away. Tell the registry's operator.",
                path=self._file.path,
            )


class FileSink:
    """A file of a version on its way into `destination`.

    The bytes go to a temporary file beside the final one, which takes its place once size and digest are right and
    the bytes are on the disk: whoever finds the final name finds the whole file.
    """

    def __init__(self, destination: Path, file: ManifestFile, report: ProgressReport) -> None:
        self._file = file
        self._report = report
        self._target = target(destination, file.path)
        self._temporary = self._target.with_name(f".{secrets.token_hex(8)}.part")
        self._arriving = Arriving(file, report)
        self._descriptor: int | None = None

    @property
    def received(self) -> int:
        return self._arriving.received

    def already_there(self) -> bool:
        """Whether the final file is there with the right bytes."""

        try:
            found = self._target.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(found.st_mode) or found.st_size != self._file.size:
            return False
        digest = hashlib.sha256()
        for piece in _pieces(self._target):
            digest.update(piece)
        if f"sha256:{digest.hexdigest()}" != self._file.digest:
            return False
        self._report(self._file.path, self._file.size, self._file.size)
        return True

    def restart(self) -> None:
        if self._descriptor is None:
            self._descriptor = create(self._temporary)
        else:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.ftruncate(self._descriptor, 0)
        self._arriving.restart()

    def write(self, piece: bytes) -> None:
        """:raises SizeMismatch: more comes than the manifest says."""

        self._arriving.admit(piece)
        if self._descriptor is None:
            raise ValueError("restart() comes before the first write()")
        view = memoryview(piece)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._arriving.count(piece)

    def finish(self) -> None:
        """:raises SizeMismatch, DigestMismatch: the bytes aren't the version's; nothing is kept."""

        if self._descriptor is None:
            raise ValueError("restart() comes before finish()")
        self._arriving.check()
        os.fsync(self._descriptor)
        self._close()
        self._temporary.replace(self._target)
        sync_directory(self._target.parent)

    def discard(self) -> None:
        """Leave nothing behind, unless finished."""
        self._close()
        with contextlib.suppress(FileNotFoundError):
            self._temporary.unlink()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def create(file: Path) -> int:
    """A new file to write to, which nobody has made beforehand: its descriptor."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.open(file, flags, 0o666)


def target(destination: Path, path: str) -> Path:
    """Where a version's file goes below `destination`; its directories are made.

    The path comes from a service, and is trusted as little as one from a stranger (CVE-2024-0520).

    :raises InvalidPath: it would lead out of the destination, through a symbolic link, or onto a directory.
    """

    parts = check_path(path).split("/")
    directory = destination
    directory.mkdir(parents=True, exist_ok=True)
    for part in parts[:-1]:
        directory /= part
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
        if directory.is_symlink() or not directory.is_dir():
            raise InvalidPath(f"'{directory}' is in the way of '{path}'. Choose an empty destination.", path=path)
    final = directory / parts[-1]
    if final.is_dir() and not final.is_symlink():
        raise InvalidPath(f"'{final}' is a directory, where a file should go. Choose an empty destination.", path=path)
    return final


def _pieces(source: Path, start: int = 0) -> Iterator[bytes]:
    with source.open("rb", buffering=0) as handle:
        handle.seek(start)
        while piece := handle.read(PIECE):
            yield piece


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Archives of versions as files here: written as they come, and read without being unpacked.

Nothing of an archive decides where anything is written: its bytes go to the registry, or nowhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final, Self

from registry_service.client.transfer import (
    PIECE,
    Arriving,
    FileContent,
    Progress,
    ProgressReport,
    create,
    sync_directory,
)
from registry_service.domain.archive import (
    BLOCK,
    DOCUMENTS,
    END,
    Archive,
    ArchiveFault,
    Layout,
    Member,
    header,
    layout,
    padded,
    read_documents,
    refused,
    size_in_header,
    unexpected,
)
from registry_service.domain.entities import ManifestFile
from registry_service.domain.errors import AlreadyExists, InvalidPath
from registry_service.domain.manifest import check_digest
from registry_service.domain.requests import NewManifestFile

PathText = str | os.PathLike[str]

_FIRST: Final = next(iter(DOCUMENTS))


class ArchiveFile:
    """An archive on its way to `path`.

    All but the contents is written at once, to a temporary file beside the final one; then come the contents, in any
    order and side by side, each to its place. The temporary file takes the final name once everything is there,
    verified, and on the disk.

    :raises AlreadyExists: something has the name already, and it isn't to be replaced.
    :raises InvalidPath: no file can be there.
    """

    def __init__(
        self, path: Path, documents: Sequence[bytes], files: Sequence[ManifestFile], *, overwrite: bool
    ) -> None:
        if path.is_dir() or not path.parent.is_dir():
            raise InvalidPath(f"'{path}' is no place for a file. Name one in a directory that exists.", path=str(path))
        if path.exists() and not overwrite:
            raise AlreadyExists(f"'{path}' exists. Choose another name, or have it replaced.", path=str(path))
        self.layout: Layout = layout(documents, files)
        self._path = path
        self._temporary = path.with_name(f".{secrets.token_hex(8)}.part")
        # A thread that is left behind must not write into whatever gets the descriptor's number next.
        self._lock = Lock()
        self._descriptor: int | None = create(self._temporary)
        try:
            # What isn't written reads as zeros: so are paddings, and the end.
            os.ftruncate(self._descriptor, self.layout.size)
            for member in self.layout.members:
                self.put(member.offset, header(member.name, member.size))
            for member, document in zip(self.layout.members, documents, strict=False):
                self.put(member.start, document)
            self.put(self.layout.members[-1].start, self.layout.sums)
        except BaseException:
            self.discard()
            raise

    def put(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            with self._lock:
                if self._descriptor is None:
                    raise ValueError("the archive is closed")
                written = os.pwrite(self._descriptor, view, offset)
            view, offset = view[written:], offset + written

    def finish(self) -> None:
        """All contents are there."""

        if self._descriptor is None:
            raise ValueError("the archive is closed")
        os.fsync(self._descriptor)
        self._close()
        self._temporary.replace(self._path)
        sync_directory(self._path.parent)

    def discard(self) -> None:
        """Leave nothing behind, unless finished."""
        self._close()
        with contextlib.suppress(FileNotFoundError):
            self._temporary.unlink()

    def _close(self) -> None:
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


class ArchiveSink:
    """A content on its way to its place in an archive."""

    def __init__(self, archive: ArchiveFile, member: Member, file: ManifestFile, report: ProgressReport) -> None:
        self._archive = archive
        self._start = member.start
        self._arriving = Arriving(file, report)

    @property
    def received(self) -> int:
        return self._arriving.received

    def restart(self) -> None:
        self._arriving.restart()

    def write(self, piece: bytes) -> None:
        """:raises SizeMismatch: more comes than the manifest says."""
        self._arriving.admit(piece)
        self._archive.put(self._start + self.received, piece)
        self._arriving.count(piece)

    def finish(self) -> None:
        """:raises SizeMismatch, DigestMismatch: the bytes aren't the version's."""
        self._arriving.check()


def read_archive(path: PathText) -> Archive:
    """What an archive says. Its documents are checked for all that a registry would refuse, against their digests and
    each other, and its size; the contents aren't read: `verify_archive` does that.

    :raises InvalidArchive: it is no archive, or none that is whole.
    """

    with _opened(Path(path)) as reader:
        return reader.archive()


def verify_archive(path: PathText, *, digest: str | None = None, progress: Progress | None = None) -> Archive:
    """What an archive says, after each of its bytes was held against what must stand there. No registry is needed.

    This says that the archive is whole and that its content is the one that its digest names, and not who made it:
    whoever can change everything can write another archive. `digest` is the content digest that it has to have, where
    one knows it from elsewhere, such as the registry of origin or an approval. `progress` is called with (path, bytes
    read, bytes in all).

    :raises InvalidArchive: something is off; `details["fault"]` says in what way, and `details["member"]` where.
    """

    if digest is not None:
        check_digest(digest)
    with _opened(Path(path)) as reader:
        archive = reader.archive()
        if digest not in {None, archive.version.digest}:
            raise refused(
                ArchiveFault.OTHER_CONTENT, f"The archive has the content {archive.version.digest}, not {digest}."
            )
        reader.check_contents(archive, ProgressReport(progress))
    return archive


def contents_of(path: Path, archive: Archive, report: ProgressReport) -> dict[str, FileContent]:
    """The contents of a verified archive by their digests, to be sent. What is altered meanwhile is refused there."""

    files = {file.digest: file for file in reversed(archive.version.files)}
    with _opened(path) as reader:
        reader.archive()
        members = {member.digest: member for member in reader.blobs}
    return {
        digest: FileContent(
            path,
            NewManifestFile(path=file.path, digest=digest, size=file.size, media_type=file.media_type),
            report,
            origin=members[digest].start,
        )
        for digest, file in sorted(files.items(), key=lambda item: item[1].path)
    }


def _opened(path: Path) -> _Reader:
    # Something that isn't a file, such as a pipe, must not hold us up.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise InvalidPath(f"'{path}' is no file. Give the path of an archive.", path=str(path))
    return _Reader(os.fdopen(descriptor, "rb"), found.st_size)


class _Reader:
    def __init__(self, handle: BinaryIO, size: int) -> None:
        self._handle = handle
        self._size = size
        self._layout: Layout | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()

    @property
    def blobs(self) -> list[Member]:
        assert self._layout is not None, "archive() comes first"
        return self._layout.members[len(DOCUMENTS) : -1]

    def archive(self) -> Archive:
        """What it says, with all checked but the contents."""

        documents = [self._document(name) for name in DOCUMENTS]
        archive = read_documents(documents)
        self._layout = layout(documents, archive.version.files)
        self._check_size(self._layout.size)
        self._check_sums(self._layout)
        return archive

    def check_contents(self, archive: Archive, report: ProgressReport) -> None:
        """:raises InvalidArchive: a content, or what stands around it, is another than it has to be."""

        paths = {file.digest: file.path for file in reversed(archive.version.files)}
        for member in self.blobs:
            self._handle.seek(member.offset)
            self._expect_header(member)
            path, done, digest = paths[member.digest], 0, hashlib.sha256()
            report(path, 0, member.size)
            while done < member.size:
                piece = self._read(min(PIECE, member.size - done), member.name)
                digest.update(piece)
                done += len(piece)
                report(path, done, member.size)
            found = f"sha256:{digest.hexdigest()}"
            if found != member.digest:
                raise refused(ArchiveFault.ALTERED, f"{member.name} has the digest {found}.", member.name)
            self._expect_padding(member)

    def _document(self, name: str) -> bytes:
        block = self._handle.read(BLOCK)
        if name == _FIRST and not block.startswith(f"{name}\0".encode()[: len(block) or 1]):
            raise refused(ArchiveFault.NOT_AN_ARCHIVE, "The file is no archive of a version.", name)
        if len(block) < BLOCK:
            raise self._truncated(name)
        size = size_in_header(block, name)
        data = self._read(size, name)
        self._expect_padding(Member(name, "", size, 0))
        return data

    def _check_size(self, size: int) -> None:
        if self._size < size:
            raise refused(
                ArchiveFault.TRUNCATED, f"The archive breaks off: it has {self._size} bytes and should have {size}."
            )
        if self._size > size:
            raise refused(
                ArchiveFault.TRAILING, f"The archive ends after {size} bytes, and {self._size - size} more follow."
            )

    def _check_sums(self, plan: Layout) -> None:
        sums = plan.members[-1]
        self._handle.seek(sums.offset)
        self._expect_header(sums)
        found = self._read(sums.size, sums.name)
        if found != plan.sums:
            pairs = zip(plan.members, found.splitlines(), plan.sums.splitlines(), strict=False)
            member = next((member.name for member, one, other in pairs if one != other), sums.name)
            raise refused(ArchiveFault.ALTERED, f"The digest of {member} isn't the one that {sums.name} names.", member)
        self._expect_padding(sums)
        if self._read(len(END), sums.name) != END:
            raise refused(ArchiveFault.UNEXPECTED, "Something stands where the archive ends.", sums.name)

    def _expect_header(self, member: Member) -> None:
        block = self._read(BLOCK, member.name)
        if block != header(member.name, member.size):
            raise unexpected(block, member.name)

    def _expect_padding(self, member: Member) -> None:
        if any(self._read(padded(member.size) - member.size, member.name)):
            raise refused(ArchiveFault.UNEXPECTED, f"Something stands between {member.name} and the next.", member.name)

    def _read(self, count: int, name: str) -> bytes:
        data = self._handle.read(count)
        if len(data) < count:
            raise self._truncated(name)
        return data

    def _truncated(self, name: str) -> Exception:
        return refused(ArchiveFault.TRUNCATED, f"The archive breaks off in {name}.", name)

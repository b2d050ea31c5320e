"""Which files a path stands for, and under which names they go into a version."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from registry_service.domain.errors import InvalidInput, InvalidPath

DEFAULT_MEDIA_TYPE: Final = "application/octet-stream"

# An own table: what the `mimetypes` module answers depends on the machine, and the type is part of the content digest.
MEDIA_TYPES: Final = MappingProxyType(
    {
        ".bin": DEFAULT_MEDIA_TYPE,
        ".csv": "text/csv",
        ".gif": "image/gif",
        ".gz": "application/gzip",
        ".html": "text/html",
        ".jpeg": "image/jpeg",
        ".jpg": "image/jpeg",
        ".json": "application/json",
        ".md": "text/markdown",
        ".npy": DEFAULT_MEDIA_TYPE,
        ".onnx": "application/onnx",
        ".parquet": "application/vnd.apache.parquet",
        ".pdf": "application/pdf",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".tar": "application/x-tar",
        ".txt": "text/plain",
        ".xml": "application/xml",
        ".yaml": "application/yaml",
        ".yml": "application/yaml",
        ".zip": "application/zip",
    }
)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file here, and its path in the version."""

    path: str
    source: Path

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES.get(PurePosixPath(self.path).suffix.lower(), DEFAULT_MEDIA_TYPE)


def collect(files: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]) -> list[LocalFile]:
    """The files of a path, sorted by their paths in the version.

    A file goes in under its name, a directory with all that is below it (hidden files too) under paths relative to
    it, and a mapping {path in the version: file or directory here} under the paths that it names. A symbolic link to
    a file counts as that file, provided it stays inside of the directory; links to directories are refused.

    :raises InvalidPath: nothing is there, or something that is neither file nor directory.
    :raises InvalidInput: the directory is empty.
    """

    if isinstance(files, Mapping):
        found = [file for path, source in files.items() for file in _expanded(PurePosixPath(path), Path(source))]
    else:
        source = Path(files)
        found = list(_expanded(PurePosixPath() if source.is_dir() else PurePosixPath(source.name), source))
    if not found:
        raise InvalidInput("A version needs at least one file, and none was found.", field="files")
    return sorted(found, key=lambda file: file.path)


def _expanded(path: PurePosixPath, source: Path) -> Iterator[LocalFile]:
    if source.is_dir():
        root = source.resolve()
        yield from _walk(path, source, root)
    elif source.is_file():
        yield LocalFile(str(path), source)
    else:
        raise InvalidPath(f"'{source}' is no file or directory. Give the path of what was trained.", path=str(source))


def _walk(path: PurePosixPath, directory: Path, root: Path) -> Iterator[LocalFile]:
    with os.scandir(directory) as entries:
        for entry in entries:
            here = Path(entry.path)
            if entry.is_symlink():
                _check_link(here, root)
                yield LocalFile(str(path / entry.name), here)
            elif entry.is_dir():
                yield from _walk(path / entry.name, here, root)
            elif entry.is_file():
                yield LocalFile(str(path / entry.name), here)
            else:
                kind = stat.filemode(entry.stat().st_mode)[0]
                raise InvalidPath(
                    f"'{here}' is neither a file nor a directory (kind '{kind}'). Move it away.", path=str(here)
                )


def _check_link(link: Path, root: Path) -> None:
    # A link that leads out would publish what its author may not even know of, such as a key in a home directory.
    target = link.resolve()
    if not target.is_relative_to(root):
        raise InvalidPath(f"The link '{link}' leads out of '{root}'. Copy the file instead.", path=str(link))
    if not target.is_file():
        raise InvalidPath(f"The link '{link}' doesn't lead to a file. Copy what is meant instead.", path=str(link))

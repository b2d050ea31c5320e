"""A disk that can be watched, that fails on demand, and whose state after a loss of power is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from registry_service.storage.system_calls import FileSystemCalls


class Crash(BaseException):
    """The process died here."""


@dataclass
class Inode:
    written: int = 0
    synced: int = 0


@dataclass
class Disk:
    """What is visible now, and what a loss of power would leave: of a file, what was synced; of a directory, the
    entries that it had when it was synced. POSIX promises no more, and file systems make use of that."""

    visible: dict[Path, Inode | None] = field(default_factory=dict)
    durable: dict[Path, Inode | None] = field(default_factory=dict)

    def sync_directory(self, directory: Path) -> None:
        kept = {path: inode for path, inode in self.durable.items() if path.parent != directory}
        found = {path: inode for path, inode in self.visible.items() if path.parent == directory}
        self.durable = kept | found

    def survives(self, path: Path, size: int, ground: Path) -> bool:
        """Whether all of the file is found again, on a path below `ground` of which each entry is found again."""
        inode = self.durable.get(path)
        way = [parent for parent in path.parents if parent.is_relative_to(ground) and parent != ground]
        return inode is not None and inode.synced == size and all(parent in self.durable for parent in way)


class WatchedCalls(FileSystemCalls):
    """Real calls that keep `disk` up to date. `before` is asked ahead of each call, `after` once it took effect; both
    get its number and name, and may raise. `forgets` says of which paths a sync is left out."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()
        self.names_of_calls: list[str] = []
        self.before: Callable[[int, str], None] = lambda number, name: None
        self.after: Callable[[int, str], None] = lambda number, name: None
        self.forgets: Callable[[Path], bool] = lambda path: False
        self.longest_write: int | None = None
        self._open: dict[int, Path] = {}
        self.open_files = 0

    def _enter(self, name: str) -> Callable[[], None]:
        number = len(self.names_of_calls)
        self.names_of_calls.append(name)
        self.before(number, name)
        return lambda: self.after(number, name)

    @override
    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        done = self._enter("create" if flags & os.O_CREAT else "open")
        descriptor = super().open(path, flags, mode)
        if flags & os.O_CREAT:
            self.disk.visible[path] = Inode()
        try:
            done()
        except BaseException:
            os.close(descriptor)
            raise
        self._open[descriptor] = path
        self.open_files += 1
        return descriptor

    @override
    def close(self, descriptor: int) -> None:
        done = self._enter("close")
        super().close(descriptor)
        del self._open[descriptor]
        self.open_files -= 1
        done()

    @override
    def write(self, descriptor: int, chunks: Sequence[bytes | memoryview]) -> int:
        done = self._enter("write")
        if self.longest_write is not None:
            chunks = [memoryview(b"".join(chunks))[: self.longest_write]]
        written = super().write(descriptor, chunks)
        inode = self.disk.visible[self._open[descriptor]]
        assert inode is not None
        inode.written += written
        done()
        return written

    @override
    def fsync(self, descriptor: int) -> None:
        path = self._open[descriptor]
        inode = self.disk.visible.get(path)
        done = self._enter("sync directory" if inode is None else "sync file")
        super().fsync(descriptor)
        if not self.forgets(path):
            if inode is None:
                self.disk.sync_directory(path)
            else:
                inode.synced = inode.written
        done()

    @override
    def rename(self, source: Path, target: Path) -> None:
        done = self._enter("rename")
        super().rename(source, target)
        self.disk.visible[target] = self.disk.visible.pop(source)
        done()

    @override
    def link(self, source: Path, target: Path) -> None:
        done = self._enter("link")
        super().link(source, target)
        self.disk.visible[target] = self.disk.visible[source]
        done()

    @override
    def unlink(self, path: Path) -> None:
        done = self._enter("unlink")
        super().unlink(path)
        self.disk.visible.pop(path, None)  # what another process left was never seen here
        done()

    @override
    def mkdir(self, path: Path) -> None:
        done = self._enter("mkdir")
        super().mkdir(path)
        self.disk.visible[path] = None
        done()

    @override
    def chmod(self, path: Path, mode: int) -> None:
        done = self._enter("chmod")
        super().chmod(path, mode)
        done()

    @override
    def stat(self, path: Path) -> os.stat_result:
        done = self._enter("stat")
        try:
            return super().stat(path)
        finally:
            done()

    @override
    def free_bytes(self, directory: Path) -> int:
        done = self._enter("statvfs")
        done()
        return super().free_bytes(directory)

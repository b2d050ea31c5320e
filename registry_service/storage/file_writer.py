"""Bytes into a file, one after the other, so that the disk begins early and the sync at the end is short."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence

from registry_service.storage.system_calls import FileSystemCalls

# Left to itself, the kernel begins to write late and the sync at the end waits for all of it: measured on bodies of
# 512 MiB, 690 MiB/s without and 900 with this.
WRITE_BEHIND = 16 * 1024 * 1024


class FileWriter:
    """An open file that is written to from its descriptor's position on, which is `position`. It blocks, raises
    OSError, and is used by one thread at a time."""

    def __init__(self, calls: FileSystemCalls, descriptor: int, position: int = 0) -> None:
        self.position = position
        self._calls = calls
        self._descriptor: int | None = descriptor
        self._started = position

    def write(self, chunks: Sequence[bytes]) -> None:
        descriptor = self._open_descriptor()
        rest: deque[bytes | memoryview] = deque(chunks)
        while rest:
            written = self._calls.write(descriptor, rest)
            self.position += written
            while rest and written >= len(rest[0]):
                written -= len(rest.popleft())
            if written:
                rest[0] = memoryview(rest[0])[written:]
        behind = self.position - self._started
        if behind >= WRITE_BEHIND:
            self._calls.start_writing(descriptor, self._started, behind)
            self._started = self.position

    def sync(self) -> None:
        self._calls.fsync(self._open_descriptor())

    def status(self) -> os.stat_result:
        return self._calls.status(self._open_descriptor())

    def close(self) -> None:
        """Safe to call twice."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._calls.close(descriptor)

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise ValueError("the file was closed")
        return self._descriptor

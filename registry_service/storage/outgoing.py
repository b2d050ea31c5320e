"""A range of an artifact on its way out."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from concurrent.futures import Executor

from registry_service.domain.errors import StorageUnavailable
from registry_service.storage.system_calls import FileSystemCalls, storage_errors


class Outgoing:
    """An async iterator over an open file; worker threads do the reading.

    It closes the file at the end, on an error, when cancelled, and when nobody holds the iterator any longer: an answer
    may be given up before its first byte is asked for.
    """

    def __init__(self, calls: FileSystemCalls, workers: Executor, descriptor: int, piece_size: int) -> None:
        self._calls = calls
        self._workers = workers
        self._descriptor = descriptor
        self._piece_size = piece_size
        self._position = self._stop = 0
        self._lock = threading.Lock()
        self._close = weakref.finalize(self, _close, calls, descriptor)

    def between(self, start: int, stop: int) -> Outgoing:
        self._position, self._stop = start, stop
        return self

    def __aiter__(self) -> Outgoing:
        return self

    async def __anext__(self) -> bytes:
        if self._position >= self._stop:
            await self.aclose()
            raise StopAsyncIteration
        try:
            piece = await asyncio.wrap_future(self._workers.submit(self._read))
        except BaseException:
            # Not awaited: whoever cancels doesn't wait for a slow disk.
            self._workers.submit(self._finish)
            raise
        self._position += len(piece)
        return piece

    async def aclose(self) -> None:
        if self._close.alive:
            await asyncio.wrap_future(self._workers.submit(self._finish))

    def _read(self) -> bytes:
        with self._lock, storage_errors():
            if not self._close.alive:
                raise StorageUnavailable("This reading of an artifact was given up. Start a new one.")
            length = min(self._piece_size, self._stop - self._position)
            piece = self._calls.read(self._descriptor, length, self._position)
            if not piece:
                raise StorageUnavailable("An artifact ends before its size: it is damaged. Restore it from a backup.")
            return piece

    def _finish(self) -> None:
        # Never while a read is under way: the number of a closed descriptor may already be another file.
        with self._lock:
            self._close()


def _close(calls: FileSystemCalls, descriptor: int) -> None:
    with contextlib.suppress(OSError):  # nothing was written, so nothing can be lost
        calls.close(descriptor)

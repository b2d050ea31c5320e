"""Bytes of an object on their way out. A connection that breaks is made anew where it broke."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Final

import urllib3

from registry_service.domain.errors import StorageUnavailable
from registry_service.storage.s3.bucket import Bucket
from registry_service.storage.s3.refusals import store_errors

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

PIECE: Final = 1024 * 1024
TRIES_IN_VAIN: Final = 3


class Reading:
    """Bytes `start` to before `stop` of an object, and with `etag` of no other that takes its place. It blocks, and is
    used by one thread at a time."""

    def __init__(self, bucket: Bucket, key: str, start: int, stop: int, *, etag: str | None = None) -> None:
        self._bucket = bucket
        self._key = key
        self._position = start
        self._stop = stop
        self._etag = etag
        self._answer: urllib3.BaseHTTPResponse | None = None

    def open(self) -> None:
        """:raises ArtifactMissing: there is no such object."""
        if self._position < self._stop:
            self._answer = self._bucket.open(self._key, self._position, self._stop - self._position, etag=self._etag)

    def read(self) -> bytes:
        """The next piece; empty at the end."""
        in_vain = 0
        while self._position < self._stop:
            try:
                piece = self._next()
            except StorageUnavailable:
                self.close()
                in_vain += 1
                if in_vain == TRIES_IN_VAIN:
                    raise
            else:
                self._position += len(piece)
                return piece
        self.close()
        return b""

    def _next(self) -> bytes:
        if self._answer is None:
            self.open()
        assert self._answer is not None
        with store_errors():
            piece = self._answer.read(min(PIECE, self._stop - self._position))
        if not piece:
            raise StorageUnavailable("An artifact ends before its size: it is damaged. Restore it from a backup.")
        return piece

    def close(self) -> None:
        """Safe to call twice."""
        if self._answer is not None:
            answer, self._answer = self._answer, None
            with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):  # nothing was written
                answer.close()


def hash_of(bucket: Bucket, key: str, size: int, *, etag: str) -> Hash:
    """The digest of an object's bytes, read back from the store.

    :raises ArtifactMissing: there is no such object, or by now another one.
    """
    hasher = hashlib.sha256()
    reading = Reading(bucket, key, 0, size, etag=etag)
    try:
        while piece := reading.read():
            hasher.update(piece)
    finally:
        reading.close()
    return hasher


class Outgoing:
    """An async iterator over a reading; worker threads do the reading. The connection is closed at the end, on an
    error, when cancelled, and when nobody holds the iterator any longer (by its answer's own finalizer)."""

    def __init__(self, reading: Reading, workers: Executor) -> None:
        self._reading = reading
        self._workers = workers
        self._lock = threading.Lock()
        self._given_up = False

    def __aiter__(self) -> Outgoing:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await asyncio.wrap_future(self._workers.submit(self._read))
        except BaseException:
            # Not awaited: whoever cancels doesn't wait for a slow store.
            self._workers.submit(self._finish)
            raise
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        await asyncio.wrap_future(self._workers.submit(self._finish))

    def _read(self) -> bytes:
        with self._lock:
            if self._given_up:
                raise StorageUnavailable("This reading of an artifact was given up. Start a new one.")
            return self._reading.read()

    def _finish(self) -> None:
        with self._lock:
            self._given_up = True
            self._reading.close()

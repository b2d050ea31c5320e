"""An ArtifactStore in a bucket of an S3-compatible store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Final, TypeVar, TypeVarTuple

from registry_service.domain.errors import (
    ArtifactMissing,
    InvalidInput,
    InvalidRange,
)
from registry_service.storage.addresses import check_upload_id, digest_hex
from registry_service.storage.base import Leftover, PresignedParts
from registry_service.storage.s3.bucket import Bucket
from registry_service.storage.s3.gathering import Gathering, check_complete
from registry_service.storage.s3.kept import Grid, assemble, look, publish, settle
from registry_service.storage.s3.leftovers import Leftovers
from registry_service.storage.s3.partial import Partial, superseded
from registry_service.storage.s3.place import SMALLEST_PART, S3Place, part_size
from registry_service.storage.s3.presigning import sign_missing
from registry_service.storage.s3.reading import Outgoing, Reading

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

THREADS: Final = 16
# Reading back a large file takes minutes, in which others want to be served.
VERIFYING: Final = 4
# In which a download must have begun.
DOWNLOAD_LIFETIME: Final = timedelta(minutes=5)


class S3Store:
    """An ArtifactStore in the bucket of `place`, which exists.

    Bytes that come through the service are passed on in parts of `smallest_part` or more (see `part_size`), two of
    which an upload holds in memory. `presign`: clients may be sent straight to the store. `threads` bounds the calls
    that wait for the store at the same time.
    """

    def __init__(
        self,
        place: S3Place,
        *,
        presign: bool = True,
        smallest_part: int = SMALLEST_PART,
        threads: int = THREADS,
        bucket: Bucket | None = None,
    ) -> None:
        self._place = place
        self._bucket = bucket or Bucket(place, connections=threads + VERIFYING)
        self._presign = presign
        self._smallest_part = smallest_part
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="artifacts")
        self._verifiers = ThreadPoolExecutor(VERIFYING, thread_name_prefix="verify")
        self._leftovers = Leftovers(self._bucket, place)
        self._partials: dict[str, Partial] = {}
        self._publishing: dict[str, Future[None]] = {}

    async def prepare(self) -> None:
        await self._run(self._bucket.check_exists)

    async def receive(self, upload_id: str, chunks: AsyncIterator[bytes], *, expected: str, size: int) -> None:
        if size < 0:
            raise InvalidInput("A size is a number of bytes, 0 or more.", field="size")
        check_upload_id(upload_id)
        hexadecimal = digest_hex(expected)
        key = self._place.upload(upload_id, f"{hexadecimal}-{secrets.token_hex(8)}")
        partial = Partial(self._bucket, self._place, key, hexadecimal, self._grid(size))
        gathering = self._gathering(partial, size)
        self._leftovers.hold(key)
        try:
            await gathering.take_in(chunks)
            check_complete(gathering.received, size)
            if await self._run(partial.finish, gathering.rest):
                await self._publish(key, hexadecimal, size)
        finally:
            try:
                await self._run_to_the_end(partial.forget)
            finally:
                self._leftovers.release(key)

    async def kept(self, upload_id: str, digest: str, size: int) -> int:
        key = self._place.upload(check_upload_id(upload_id), digest_hex(digest))
        return (await self._run(look, self._bucket, key, self._grid(size))).length

    async def append(self, upload_id: str, digest: str, offset: int, chunks: AsyncIterator[bytes], *, size: int) -> int:
        hexadecimal = digest_hex(digest)
        key = self._place.upload(check_upload_id(upload_id), hexadecimal)
        if not 0 <= offset <= size:
            raise InvalidInput("An offset is a number of bytes, from 0 to the size of the file.", field="offset")
        partial = Partial(self._bucket, self._place, key, hexadecimal, self._grid(size))
        before, self._partials[key] = self._partials.get(key), partial
        self._leftovers.hold(key)
        gathering = self._gathering(partial, size - offset)
        to_publish: bool | None = None
        kept: int | None = None
        try:
            if before is not None:
                await self._run(before.give_way)
            gathering.rest += await self._run(partial.begin, offset)
            await gathering.take_in(chunks)
            if offset + gathering.received == size:
                to_publish = await self._run(partial.finish, gathering.rest)
        finally:
            try:
                if to_publish is None:
                    kept = await self._run_to_the_end(partial.keep, gathering.rest, gathering.sending)
            finally:
                if self._partials.get(key) is partial:
                    del self._partials[key]
                    self._leftovers.release(key)
        if to_publish is None:
            if kept is None:
                raise superseded()
            if kept < size:
                return kept
            # Parts that had arrived ahead of their turn made it whole.
            to_publish = True
        if to_publish:
            await self._publish(key, hexadecimal, size)
        return size

    async def settle(self, upload_id: str, digest: str) -> None:
        await self._run(settle, self._bucket, self._place.upload(check_upload_id(upload_id), digest_hex(digest)))

    async def presigned_parts(self, upload_id: str, digest: str, size: int) -> PresignedParts | None:
        key = self._place.upload(check_upload_id(upload_id), digest_hex(digest))
        grid = self._grid(size)
        # One part through the service is less work than asking, sending, completing and copying it.
        if not self._presign or grid.count <= 1:
            return None
        return await self._run(sign_missing, self._bucket, key, grid)

    async def complete(self, upload_id: str, digest: str, size: int) -> None:
        hexadecimal = digest_hex(digest)
        key = self._place.upload(check_upload_id(upload_id), hexadecimal)
        await self._publish(key, hexadecimal, size)

    async def presigned_download(self, digest: str, *, filename: str) -> str | None:
        key = self._place.blob(digest_hex(digest))
        return self._bucket.download_url(key, filename, DOWNLOAD_LIFETIME) if self._presign else None

    async def _publish(self, key: str, hexadecimal: str, size: int) -> None:
        """Whoever asks for the same again, since the answer took long, waits for the same outcome."""
        running = self._publishing.get(key)
        if running is None:
            running = self._verifiers.submit(self._assemble_and_publish, key, hexadecimal, size)
            self._publishing[key] = running
            loop = asyncio.get_running_loop()
            running.add_done_callback(lambda _: loop.call_soon_threadsafe(self._publishing.pop, key, None))
        await asyncio.shield(asyncio.wrap_future(running))

    def _assemble_and_publish(self, key: str, hexadecimal: str, size: int) -> None:
        assemble(self._bucket, key, self._grid(size))
        publish(self._bucket, self._place, key, hexadecimal, size)

    async def discard(self, upload_id: str) -> None:
        await self._run(self._leftovers.discard, check_upload_id(upload_id))

    async def stat(self, digest: str) -> int | None:
        return await self._run(self._bucket.size, self._place.blob(digest_hex(digest)))

    async def open_range(self, digest: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return await self._run(self._open, digest, self._place.blob(digest_hex(digest)), start, stop)

    def _open(self, digest: str, key: str, start: int, stop: int | None) -> Outgoing:
        size = self._bucket.size(key)
        if size is None:
            raise ArtifactMissing(
                "The store doesn't have these bytes. Register the version anew or restore the store from a backup.",
                digest=digest,
            )
        stop = size if stop is None else stop
        if not 0 <= start <= stop <= size:
            raise InvalidRange(f"The artifact has {size:,} bytes: ask for a range inside of them.", size=size)
        reading = Reading(self._bucket, key, start, stop)
        reading.open()
        return Outgoing(reading, self._workers)

    async def remove(self, digest: str) -> bool:
        return await self._run(self._remove, self._place.blob(digest_hex(digest)))

    def _remove(self, key: str) -> bool:
        there = self._bucket.size(key) is not None
        self._bucket.remove(key)
        return there

    async def set_aside(self, digest: str) -> bool:
        hexadecimal = digest_hex(digest)
        return await self._run(self._set_aside, hexadecimal)

    def _set_aside(self, hexadecimal: str) -> bool:
        key = self._place.blob(hexadecimal)
        size = self._bucket.size(key)
        if size is None:
            return False
        self._bucket.copy(key, self._place.damaged(f"{hexadecimal}.{secrets.token_hex(8)}"), size)
        self._bucket.remove(key)
        return True

    async def digests(self, after: str | None = None) -> AsyncIterator[str]:
        last = "" if after is None else self._place.blob(digest_hex(after))
        while page := await self._run(self._bucket.page, self._place.blobs, last):
            for entry in page:
                hexadecimal = self._place.hexadecimal_of(entry.key)
                if hexadecimal is not None:
                    yield f"sha256:{hexadecimal}"
            last = page[-1].key

    async def leftovers(self) -> AsyncIterator[Leftover]:
        for leftover in await self._run(self._leftovers.all):
            yield leftover

    async def check(self) -> int | None:
        await self._run(self._leftovers.probe)
        return None

    async def close(self) -> None:
        await asyncio.to_thread(self._workers.shutdown)
        await asyncio.to_thread(self._verifiers.shutdown)
        self._bucket.close()

    def _grid(self, size: int) -> Grid:
        return Grid(size, part_size(size, self._smallest_part))

    def _gathering(self, partial: Partial, room: int) -> Gathering:
        return Gathering(partial.send, self._workers, part=partial.part, room=room)

    async def _run(self, call: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        return await asyncio.wrap_future(self._workers.submit(call, *arguments))

    async def _run_to_the_end(self, call: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """As `_run`, and done in any case: whoever is cancelled waits for it, unless cancelled again."""
        running = asyncio.wrap_future(self._workers.submit(call, *arguments))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

"""Artifacts in a directory of this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar, TypeVarTuple

from registry_service.domain.errors import ArtifactMissing, InvalidInput, InvalidRange, SizeMismatch, UploadIncomplete
from registry_service.storage.addresses import check_upload_id, digest_hex
from registry_service.storage.base import Leftover, PresignedParts
from registry_service.storage.incoming import Incoming
from registry_service.storage.outgoing import Outgoing
from registry_service.storage.partial import Hashed, Partial, publish
from registry_service.storage.system_calls import FileSystemCalls
from registry_service.storage.tree import Tree

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

# Measured by benchmarks/storage_throughput.py: a body of 512 MiB comes in at 750 MiB/s, with pieces of 256 KiB or of
# 4 MiB at half of that.
PIECE_SIZE = 1024 * 1024
KEEP_FREE = 64 * 1024 * 1024
THREADS = 16
# Reading a large file again takes minutes, in which others want to be served.
VERIFYING = 4
# Of a piece's chunks, which a hostile sender may make tiny. No system writes more of them in one call (IOV_MAX).
PIECE_CHUNKS = 1024
# Of files that are kept and not whole yet. A forgotten one is read once more at its end.
HASHES = 1000


class Body(Protocol):
    """Where the pieces of a body go; both methods block, and run at once."""

    def hash(self, chunks: Sequence[bytes]) -> None: ...

    def write(self, chunks: Sequence[bytes]) -> None: ...


class FilesystemStore:
    """An ArtifactStore in `root`, which is made when it is first needed.

    `piece_size` is what a worker thread hashes, writes or reads at a time; an upload holds two pieces in memory, a
    download one. `threads` bounds the calls that wait for the disk at the same time, besides those that read whole
    files again; `keep_free` is the room in bytes that uploads leave on the volume.
    """

    def __init__(
        self,
        root: Path,
        *,
        piece_size: int = PIECE_SIZE,
        threads: int = THREADS,
        keep_free: int = KEEP_FREE,
        calls: FileSystemCalls | None = None,
    ) -> None:
        self._calls = calls or FileSystemCalls()
        # Resolved: the operator's root may be a link, while nothing below it is followed.
        self._tree = Tree(root.resolve(), self._calls, keep_free)
        self._piece_size = piece_size
        # Not the loop's default pool: a disk that hangs must not stop the rest of the service.
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="artifacts")
        self._verifiers = ThreadPoolExecutor(VERIFYING, thread_name_prefix="verify")
        self._partials: dict[Path, Partial] = {}
        self._hashed: dict[Path, Hashed] = {}

    async def prepare(self) -> None:
        """Nothing: the directory is made when it is first needed."""

    async def receive(self, upload_id: str, chunks: AsyncIterator[bytes], *, expected: str, size: int) -> None:
        if size < 0:
            raise InvalidInput("A size is a number of bytes, 0 or more.", field="size")
        incoming = Incoming(self._tree, check_upload_id(upload_id), digest_hex(expected), size)
        try:
            await self._run(incoming.begin)
            received = await self._take_in(incoming, chunks, size)
            if received < size:
                raise SizeMismatch(
                    f"Only {received:,} of the announced {size:,} bytes came; nothing was kept. Send the file again.",
                    expected=size,
                    actual=received,
                )
            await self._run(incoming.finish)
        finally:
            # Shielded, and done by a worker in any case: a task may be cancelled again while it cleans up.
            await asyncio.shield(asyncio.wrap_future(self._workers.submit(incoming.discard)))

    async def kept(self, upload_id: str, digest: str, size: int) -> int:
        path = self._tree.kept(check_upload_id(upload_id), digest_hex(digest))
        found = await self._run(self._tree.size_of, path)
        return min(size, found or 0)

    async def append(self, upload_id: str, digest: str, offset: int, chunks: AsyncIterator[bytes], *, size: int) -> int:
        hexadecimal = digest_hex(digest)
        path = self._tree.kept(check_upload_id(upload_id), hexadecimal)
        if not 0 <= offset <= size:
            raise InvalidInput("An offset is a number of bytes, from 0 to the size of the file.", field="offset")
        partial = Partial(self._tree, path, size, self._hashed.pop(path, None), before=self._partials.get(path))
        self._partials[path] = partial
        self._tree.hold(path)
        whole_body = False
        try:
            await self._run(partial.begin, offset)
            kept = offset + await self._take_in(partial, chunks, size - offset)
            whole_body = True
        finally:
            try:
                hashed = await self._keep(partial, whole_body=whole_body)
            finally:
                if self._partials.get(path) is partial:
                    del self._partials[path]
                    self._tree.release(path)
        if kept == size:
            await self._publish(path, hexadecimal, size, hashed)
        elif hashed is not None:
            self._remember(path, hashed)
        return kept

    async def settle(self, upload_id: str, digest: str) -> None:
        await self._run(self._tree.settle, check_upload_id(upload_id), digest_hex(digest))

    async def presigned_parts(self, upload_id: str, digest: str, size: int) -> PresignedParts | None:
        """None: a directory takes bytes only through the service."""

    async def complete(self, upload_id: str, digest: str, size: int) -> None:
        kept = await self.kept(upload_id, digest, size)
        if kept < size:
            raise UploadIncomplete(f"Only {kept:,} of {size:,} bytes are kept. Send the others.", kept=kept)
        hexadecimal = digest_hex(digest)
        await self._publish(self._tree.kept(upload_id, hexadecimal), hexadecimal, size, None)

    async def _publish(self, path: Path, hexadecimal: str, size: int, hashed: Hashed | None) -> None:
        workers = self._workers if hashed is not None and hashed.length == size else self._verifiers
        await self._run_on(workers, publish, self._tree, path, hexadecimal, size, hashed)

    async def presigned_download(self, digest: str, *, filename: str) -> str | None:
        """None: a directory gives bytes only through the service."""

    async def _keep(self, partial: Partial, *, whole_body: bool) -> Hashed | None:
        def keep() -> Hashed | None:
            with self._tree.refusals():
                return partial.keep(whole_body=whole_body)

        # Shielded, and done by a worker in any case: a task may be cancelled again while it cleans up.
        return await asyncio.shield(asyncio.wrap_future(self._workers.submit(keep)))

    def _remember(self, path: Path, hashed: Hashed) -> None:
        self._hashed[path] = hashed
        while len(self._hashed) > HASHES:
            self._hashed.pop(next(iter(self._hashed)))

    async def discard(self, upload_id: str) -> None:
        await self._run(self._tree.discard, check_upload_id(upload_id))

    async def _take_in(self, incoming: Body, chunks: AsyncIterator[bytes], room: int) -> int:
        """Hash and write piece by piece, both at once, while the next piece is gathered from the chunks; how many bytes
        came."""
        received = 0
        gathered = 0
        piece: list[bytes] = []
        busy: asyncio.Future[tuple[None, None]] | None = None
        try:
            async for chunk in chunks:
                received += len(chunk)
                if received > room:
                    raise SizeMismatch(
                        f"More than the announced {room:,} bytes came. Announce the true size of the file.",
                        expected=room,
                    )
                gathered += len(chunk)
                piece.append(chunk)
                if gathered >= self._piece_size or len(piece) == PIECE_CHUNKS:
                    if busy is not None:
                        await busy
                    busy, piece, gathered = self._digest_and_store(incoming, piece), [], 0
            if busy is not None:
                await busy
            busy = self._digest_and_store(incoming, piece)
            await busy
            return received
        finally:
            if busy is not None:
                busy.cancel()

    def _digest_and_store(self, incoming: Body, piece: list[bytes]) -> asyncio.Future[tuple[None, None]]:
        both = asyncio.gather(self._run(incoming.hash, piece), self._run(incoming.write, piece))
        # Where the body fails first nobody asks for this outcome any more; asked here, it isn't logged as forgotten.
        both.add_done_callback(lambda done: done.cancelled() or done.exception())
        return both

    async def stat(self, digest: str) -> int | None:
        return await self._run(self._tree.blob_size, digest_hex(digest))

    async def open_range(self, digest: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return await self._run(self._open, digest, digest_hex(digest), start, stop)

    def _open(self, digest: str, hexadecimal: str, start: int, stop: int | None) -> Outgoing:
        try:
            descriptor = self._calls.open(self._tree.blob(hexadecimal), os.O_RDONLY)
        except FileNotFoundError:
            raise ArtifactMissing(
                "The store doesn't have these bytes. Register the version anew or restore the store from a backup.",
                digest=digest,
            ) from None
        # From here on the descriptor has an owner that closes it, even where nobody waits for the answer any more.
        outgoing = Outgoing(self._calls, self._workers, descriptor, self._piece_size)
        size = self._calls.status(descriptor).st_size
        stop = size if stop is None else stop
        if not 0 <= start <= stop <= size:
            raise InvalidRange(f"The artifact has {size:,} bytes: ask for a range inside of them.", size=size)
        return outgoing.between(start, stop)

    async def remove(self, digest: str) -> bool:
        return await self._run(self._tree.remove_blob, digest_hex(digest))

    async def set_aside(self, digest: str) -> bool:
        return await self._run(self._tree.set_aside_blob, digest_hex(digest))

    async def digests(self, after: str | None = None) -> AsyncIterator[str]:
        behind = "" if after is None else digest_hex(after)
        # One directory at a time, since the names of a large store are many.
        for shard in await self._run(self._tree.shards):
            if shard >= behind[:2]:
                for name in await self._run(self._tree.blobs, shard):
                    if name > behind:
                        yield f"sha256:{name}"

    async def leftovers(self) -> AsyncIterator[Leftover]:
        for leftover in await self._run(self._tree.leftovers):
            yield leftover

    async def check(self) -> int | None:
        return await self._run(self._tree.probe)

    async def close(self) -> None:
        await asyncio.to_thread(self._workers.shutdown)
        await asyncio.to_thread(self._verifiers.shutdown)

    async def _run(self, call: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        return await self._run_on(self._workers, call, *arguments)

    async def _run_on(self, workers: Executor, call: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        def guarded() -> T:
            with self._tree.refusals():
                return call(*arguments)

        return await asyncio.wrap_future(workers.submit(guarded))

"""Bodies of one file that overtake each other in a directory store: only verified bytes are seen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry_service.domain.errors import OffsetMismatch
from registry_service.storage.filesystem import FilesystemStore
from tests.storage.bodies import chunked, content, digest_of, digests
from tests.storage.disk import WatchedCalls

BODY = bytes(range(256)) * 1_000
DIGEST = digest_of(BODY)


class Stalling:
    """The first call of a name stands still until it is let go."""

    def __init__(self, calls: WatchedCalls, name: str) -> None:
        self.reached = asyncio.Event()
        self.go = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._name = name
        self._met = False
        calls.before = self._before

    def _before(self, number: int, name: str) -> None:
        if name == self._name and not self._met:
            self._met = True
            self._loop.call_soon_threadsafe(self.reached.set)
            assert self.go.wait(30)


@pytest.fixture
def calls() -> WatchedCalls:
    return WatchedCalls()


@pytest.fixture
async def store(tmp_path: Path, calls: WatchedCalls) -> AsyncIterator[FilesystemStore]:
    made = FilesystemStore(tmp_path / "store", piece_size=32 * 1024, keep_free=0, calls=calls)
    yield made
    await made.close()


async def append(store: FilesystemStore, offset: int, body: bytes) -> int:
    return await store.append("upload1", DIGEST, offset, chunked(body), size=len(BODY))


@pytest.mark.parametrize("gives_up", [False, True])
async def test_who_comes_third_waits_for_the_first_as_well(
    store: FilesystemStore, calls: WatchedCalls, *, gives_up: bool
) -> None:
    """A disk that stands still, and a client that comes back twice: what the first one is writing may still arrive."""
    stalling = Stalling(calls, "write")
    first = asyncio.create_task(append(store, 0, bytes(64 * 1024)))
    await stalling.reached.wait()
    second = asyncio.create_task(append(store, 0, BODY))
    await asyncio.sleep(0.05)
    if gives_up:
        second.cancel()
    third = asyncio.create_task(append(store, 0, BODY))
    await asyncio.wait([third], timeout=1)
    stalling.go.set()
    *_, outcome = await asyncio.gather(first, second, third, return_exceptions=True)
    assert isinstance(outcome, OffsetMismatch), outcome
    assert await digests(store) == []


@pytest.mark.parametrize("left", [0, 1000])
async def test_who_was_overtaken_by_another_service_adds_nothing(
    store: FilesystemStore, calls: WatchedCalls, tmp_path: Path, left: int
) -> None:
    """Two services on one directory know nothing of each other's bodies."""
    loop = asyncio.get_running_loop()
    go, written = asyncio.Event(), asyncio.Event()

    def after(number: int, name: str) -> None:
        if name == "write":
            loop.call_soon_threadsafe(written.set)

    calls.after = after

    async def stalled() -> AsyncIterator[bytes]:
        yield BODY[:100_000]
        await go.wait()
        yield bytes(len(BODY) - 100_000)

    overtaken = asyncio.create_task(store.append("upload1", DIGEST, 0, stalled(), size=len(BODY)))
    await written.wait()
    other = FilesystemStore(tmp_path / "store", keep_free=0)
    kept = await other.kept("upload1", DIGEST, len(BODY))
    stop = len(BODY) - left
    assert await other.append("upload1", DIGEST, kept, chunked(BODY[kept:stop]), size=len(BODY)) == stop
    go.set()
    with pytest.raises(OffsetMismatch):
        await overtaken
    if left:
        assert await other.append("upload1", DIGEST, stop, chunked(BODY[stop:]), size=len(BODY)) == len(BODY)
    assert await other.stat(DIGEST) == len(BODY)
    assert await content(other, DIGEST) == BODY
    await other.close()


async def test_what_was_verified_is_what_is_published(store: FilesystemStore, calls: WatchedCalls) -> None:
    """Two complete a file at once; the first to be done settles it, and a third begins another under its name."""
    await append(store, 0, BODY[:-1])
    stalling = Stalling(calls, "link")
    slow = asyncio.create_task(append(store, len(BODY) - 1, BODY[-1:]))
    await stalling.reached.wait()
    await store.complete("upload1", DIGEST, len(BODY))
    await store.settle("upload1", DIGEST)
    begun = asyncio.create_task(append(store, 0, bytes(64 * 1024)))
    await asyncio.wait([begun], timeout=1)
    stalling.go.set()
    refused, kept = await asyncio.gather(slow, begun, return_exceptions=True)
    assert isinstance(refused, OffsetMismatch)
    assert kept == 64 * 1024
    assert await content(store, DIGEST) == BODY

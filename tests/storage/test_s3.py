"""What is particular to a store in a bucket: parts, ends, copies, pages, and what the network does to them."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

import httpx
import pytest
import urllib3
from minio.datatypes import Part
from typing_extensions import override

from registry_service.domain.errors import (
    DigestMismatch,
    InvalidInput,
    OffsetMismatch,
    StorageUnavailable,
    UploadIncomplete,
)
from registry_service.storage.s3.bucket import Bucket
from registry_service.storage.s3.place import MIB, S3Place, part_size
from registry_service.storage.s3.store import S3Store
from tests.object_stores.server import ObjectStore, free_ports
from tests.storage.bodies import chunked, content, digest_of, digests, send, send_in_pieces

PART = 5 * MIB
BODY = random.Random(5).randbytes(12 * MIB + 345)
DIGEST = digest_of(BODY)


@pytest.fixture
def place(object_store: ObjectStore, a_prefix: str) -> S3Place:
    return object_store.place(f"{a_prefix}/")


@pytest.fixture
async def store(place: S3Place) -> AsyncIterator[S3Store]:
    made = S3Store(place, smallest_part=PART)
    yield made
    await made.close()


def unfinished(object_store: ObjectStore, place: S3Place, digest: str = DIGEST) -> list[str]:
    return Bucket(place).unfinished(place.upload("upload1", digest.removeprefix("sha256:")))


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 10**9, 10**10, 5 * 10**10, 10**11, 10**12, 1 << 42])
def test_a_file_of_any_size_fits_into_the_parts_that_s3_counts(size: int) -> None:
    part = part_size(size)
    assert 5 * MIB <= part <= 5 * 1024 * MIB and part % MIB == 0
    assert -(-size // part) <= 10_000
    if size <= 60 * 10**9:
        assert -(-size // part) <= 1_000, "as many as Swift takes by itself"
        assert part <= 64 * MIB, "held in memory"


@pytest.mark.parametrize("length", [PART, PART + 1, 2 * PART, len(BODY)])
async def test_a_file_of_several_parts_comes_back(
    store: S3Store, object_store: ObjectStore, place: S3Place, length: int
) -> None:
    digest = await send(store, BODY[:length])
    assert await content(store, digest) == BODY[:length]
    assert await content(store, digest, PART - 10, PART) == BODY[PART - 10 : PART]
    assert object_store.keys(place.prefix) == [place.blob(digest.removeprefix("sha256:"))]


@pytest.mark.parametrize("length", [3 * MIB, PART, PART + 1, 7 * MIB])
async def test_pieces_that_do_not_fit_the_parts_make_the_file(
    store: S3Store, object_store: ObjectStore, place: S3Place, length: int
) -> None:
    await send_in_pieces(store, BODY, length=length)
    assert await content(store, DIGEST) == BODY
    assert object_store.keys(place.prefix) == [place.blob(DIGEST.removeprefix("sha256:"))]
    assert unfinished(object_store, place) == []


async def test_another_process_goes_on_behind_parts_and_end(store: S3Store, place: S3Place) -> None:
    await store.append("upload1", DIGEST, 0, chunked(BODY[: 11 * MIB]), size=len(BODY))
    other = S3Store(place, smallest_part=PART)
    assert await other.kept("upload1", DIGEST, len(BODY)) == 11 * MIB
    with pytest.raises(OffsetMismatch):
        await other.append("upload1", DIGEST, 10 * MIB, chunked(BODY[10 * MIB :]), size=len(BODY))
    await send_in_pieces(other, BODY, length=MIB)
    assert await content(store, DIGEST) == BODY
    await other.close()


async def test_other_bytes_in_a_kept_part_are_found_out_at_the_end(
    store: S3Store, object_store: ObjectStore, place: S3Place
) -> None:
    wrong = BODY[:100] + b"!" + BODY[101 : 11 * MIB]
    await store.append("upload1", DIGEST, 0, chunked(wrong), size=len(BODY))
    with pytest.raises(DigestMismatch):
        await send_in_pieces(store, BODY, length=PART)
    assert object_store.keys(place.prefix) == []
    assert unfinished(object_store, place) == []
    await send_in_pieces(store, BODY, length=PART)
    assert await content(store, DIGEST) == BODY


async def test_what_is_discarded_is_gone_with_its_parts(
    store: S3Store, object_store: ObjectStore, place: S3Place
) -> None:
    await store.append("upload1", DIGEST, 0, chunked(BODY[: 11 * MIB]), size=len(BODY))
    [leftover] = [leftover async for leftover in store.leftovers()]
    assert (leftover.upload_id, leftover.size) == ("upload1", 11 * MIB)
    assert len(unfinished(object_store, place)) == 1
    await store.discard("upload1")
    assert unfinished(object_store, place) == []
    assert object_store.keys(place.prefix) == []


async def test_a_part_that_lies_behind_a_gap_is_not_counted(store: S3Store, place: S3Place) -> None:
    await store.append("upload1", DIGEST, 0, chunked(BODY[: 6 * MIB]), size=len(BODY))
    bucket = Bucket(place)
    key = place.upload("upload1", DIGEST.removeprefix("sha256:"))
    [upload] = bucket.unfinished(key)
    bucket.put_part(key, upload, 3, BODY[10 * MIB :])
    assert await store.kept("upload1", DIGEST, len(BODY)) == 6 * MIB
    await send_in_pieces(store, BODY, length=MIB)
    assert await content(store, DIGEST) == BODY


async def test_a_file_too_large_for_one_copy_is_copied_in_pieces(place: S3Place) -> None:
    store = S3Store(place, smallest_part=PART, bucket=Bucket(place, copy_limit=PART, copy_part=PART))
    await send(store, BODY)
    assert await content(store, DIGEST) == BODY
    await store.close()


async def test_all_pages_of_a_listing_are_read(place: S3Place) -> None:
    store = S3Store(place, bucket=Bucket(place, page_length=3))
    sent = [await send(store, b"%d" % number) for number in range(10)]
    assert await digests(store) == sorted(sent)
    for number in range(7):
        await store.append(f"upload{number}", DIGEST, 0, chunked(b"abc"), size=len(BODY))
    assert len([leftover async for leftover in store.leftovers()]) == 7
    await store.close()


async def test_objects_of_others_are_not_taken_for_its_own(store: S3Store, place: S3Place) -> None:
    bucket = Bucket(place)
    digest = await send(store, b"abc")
    for key in ("blobs/notes.txt", f"blobs/00/{digest[7:]}", "uploads/notes.txt", "uploads/a/b/c", "elsewhere"):
        bucket.put(f"{place.prefix}{key}", b"abc")
    assert await digests(store) == [digest]
    assert [leftover async for leftover in store.leftovers()] == []


@pytest.mark.parametrize("length", [MIB, len(BODY)])
@pytest.mark.parametrize("sending", [send, partial(send_in_pieces, length=PART)])
async def test_what_rotted_unseen_is_replaced_by_what_is_sent_again(
    store: S3Store, place: S3Place, length: int, sending: Callable[[S3Store, bytes], Awaitable[str]]
) -> None:
    digest = await send(store, BODY[:length])
    Bucket(place).put(place.blob(digest.removeprefix("sha256:")), b"!" + BODY[1:length])
    assert await content(store, digest) != BODY[:length]
    await sending(store, BODY[:length])
    assert await content(store, digest) == BODY[:length]


class Overtaken(Bucket):
    """Before it copies, it lets somebody else assemble other bytes in the place of those that were verified."""

    def __init__(self, place: S3Place, let_go: Callable[[], object]) -> None:
        super().__init__(place)
        self._let_go = let_go
        self._assembled: list[str] = []
        self._twice = threading.Event()

    @override
    def complete(self, key: str, upload: str, parts: list[Part]) -> None:
        super().complete(key, upload, parts)
        self._assembled.append(upload)
        if len(self._assembled) == 2:
            self._twice.set()

    @override
    def copy(self, source: str, target: str, size: int, *, etag: str | None = None) -> None:
        self._let_go()
        assert self._twice.wait(30)
        super().copy(source, target, size, etag=etag)


async def test_what_was_verified_is_what_is_published(store: S3Store, place: S3Place) -> None:
    """A body that began before any of the file was kept brings parts of its own to what others have completed."""
    await send(store, BODY, "upload2")
    loop = asyncio.get_running_loop()
    begun, go = asyncio.Event(), asyncio.Event()

    async def late() -> AsyncIterator[bytes]:
        begun.set()
        await go.wait()
        async for chunk in chunked(bytes(len(BODY))):
            yield chunk

    attacked = S3Store(place, smallest_part=PART, bucket=Overtaken(place, lambda: loop.call_soon_threadsafe(go.set)))
    overtaking = asyncio.create_task(attacked.append("upload1", DIGEST, 0, late(), size=len(BODY)))
    await begun.wait()
    parts = await attacked.presigned_parts("upload1", DIGEST, len(BODY))
    assert parts is not None
    for part in parts.missing:
        piece = BODY[part.offset : part.offset + part.size]
        await asyncio.to_thread(httpx.put, part.url, content=piece, trust_env=False, timeout=60)
    for refused in await asyncio.gather(
        attacked.complete("upload1", DIGEST, len(BODY)), overtaking, return_exceptions=True
    ):
        # Seen before the parts are read back, or in what they hold then.
        assert isinstance(refused, OffsetMismatch | DigestMismatch)
    assert await content(store, DIGEST) == BODY
    # Whoever read other bytes back has thrown them away, which may have been one of the two above.
    with pytest.raises((DigestMismatch, UploadIncomplete)):
        await store.complete("upload1", DIGEST, len(BODY))
    assert await content(store, DIGEST) == BODY
    await attacked.close()


DIE_HALFWAY = """
import asyncio, os, signal, sys
from registry_service.storage.s3.place import S3Place
from registry_service.storage.s3.store import S3Store

async def chunks():
    for _ in range(11):
        yield bytes(1024 * 1024)
    while True:
        if marks := [number for number in (store._leftovers._in_flight)]:
            [key] = marks
            if store._bucket.unfinished(key) and store._bucket.parts(key, store._bucket.unfinished(key)[0]):
                os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0.01)
    yield b""

store = S3Store(S3Place(*sys.argv[1:]), smallest_part=5 * 1024 * 1024)
asyncio.run(store.receive("upload7", chunks(), expected="sha256:" + "0" * 64, size=1 << 30))
"""


async def test_what_a_killed_process_leaves_is_found_and_discarded(
    store: S3Store, object_store: ObjectStore, place: S3Place
) -> None:
    arguments = [place.endpoint, place.region, place.access_key, place.secret_key, place.bucket, place.prefix]
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", DIE_HALFWAY, *arguments], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    [leftover] = [leftover async for leftover in store.leftovers()]
    assert leftover.upload_id == "upload7"
    assert leftover.size >= PART
    key = place.upload("upload7", leftover.name)
    assert len(Bucket(place).unfinished(key)) == 1
    await store.discard("upload8")
    assert len([leftover async for leftover in store.leftovers()]) == 1
    await store.discard("upload7")
    assert Bucket(place).unfinished(key) == []
    assert object_store.keys(place.prefix) == []


class Breaking(Bucket):
    """Its first answers break off after so many reads."""

    breaks = 2
    reads = 2

    @override
    def open(self, key: str, start: int, length: int, *, etag: str | None = None) -> urllib3.BaseHTTPResponse:
        answer = super().open(key, start, length, etag=etag)
        if self.breaks:
            self.breaks -= 1
            real, reads = answer.read, iter(range(self.reads))

            def read(length: int) -> bytes:
                if next(reads, None) is None:
                    raise urllib3.exceptions.ProtocolError("planted")
                return real(length)

            setattr(answer, "read", read)  # noqa: B010 - an answer of another library, broken on purpose
        return answer


async def test_reading_goes_on_where_a_connection_broke(store: S3Store, place: S3Place) -> None:
    await send(store, BODY)
    broken = Breaking(place)
    reader = S3Store(place, bucket=broken)
    assert await content(reader, DIGEST) == BODY
    assert broken.breaks == 0
    await reader.close()


async def test_a_connection_that_breaks_in_vain_is_given_up(store: S3Store, place: S3Place) -> None:
    await send(store, BODY)
    broken = Breaking(place)
    broken.breaks, broken.reads = 1000, 0
    reader = S3Store(place, bucket=broken)
    with pytest.raises(StorageUnavailable):
        await content(reader, DIGEST)
    assert broken.breaks > 990
    await reader.close()


# ------------------------------------------------------------------------------------------------ faults and settings

AWAY: list[Callable[[S3Store], Awaitable[object]]] = [
    lambda store: send(store, b"abc"),
    lambda store: store.append("upload1", DIGEST, 0, chunked(b"abc"), size=len(BODY)),
    lambda store: store.kept("upload1", DIGEST, len(BODY)),
    lambda store: store.discard("upload1"),
    lambda store: store.stat(DIGEST),
    lambda store: store.open_range(DIGEST),
    lambda store: store.remove(DIGEST),
    digests,
    lambda store: store.check(),
    lambda store: store.prepare(),
]


@pytest.mark.parametrize("ask", AWAY)
async def test_a_store_that_is_away_is_unavailable(ask: Callable[[S3Store], Awaitable[object]]) -> None:
    (port,) = free_ports(1)
    store = S3Store(S3Place(f"http://127.0.0.1:{port}", "us-east-1", "key", "of-nobody", "models"))
    asked = time.monotonic()
    with pytest.raises(StorageUnavailable, match="can't be reached") as refusal:
        await ask(store)
    assert time.monotonic() - asked < 10
    assert str(port) not in refusal.value.message and "of-nobody" not in refusal.value.message
    await store.close()


async def test_a_bucket_that_is_not_there_is_said_to_be_missing(object_store: ObjectStore) -> None:
    store = S3Store(replace(object_store.place(), bucket="no-such-bucket"))
    with pytest.raises(InvalidInput, match=r"'no-such-bucket' can't be used.*MODEL_REGISTRY_ARTIFACTS"):
        await store.prepare()
    await store.close()


async def test_keys_that_do_not_fit_are_said_to_be_wrong_and_not_shown(object_store: ObjectStore) -> None:
    place = replace(object_store.place(), secret_key="wrong-secret")
    store = S3Store(place)
    with pytest.raises(InvalidInput, match="MODEL_REGISTRY_S3_") as refusal:
        await store.prepare()
    assert "wrong-secret" not in refusal.value.message + repr(place)
    with pytest.raises(StorageUnavailable) as unavailable:
        await send(store, b"abc")
    assert "wrong-secret" not in unavailable.value.message
    await store.close()


async def test_a_bucket_that_is_there_is_ready(store: S3Store) -> None:
    await store.prepare()
    assert await store.check() is None

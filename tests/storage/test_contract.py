"""What every artifact store promises, whatever it keeps the bytes in."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from registry_service.domain.errors import (
    ArtifactMissing,
    DigestMismatch,
    InvalidDigest,
    InvalidInput,
    InvalidRange,
    RegistryError,
    SizeMismatch,
)
from registry_service.storage.base import ArtifactStore
from tests.storage.bodies import chunked, content, digest_of, digests, send
from tests.storage.conftest import Kind

BODY = random.Random(1).randbytes(300_001)
ABSENT = digest_of(b"never sent")

HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "../../x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:\\x",
    "\\\\host\\s",
    "%2e%2e%2f",
    "a\0b",
    "é",
]
BAD_DIGESTS = [
    *HOSTILE,
    *(f"sha256:{name}" for name in HOSTILE),
    "sha256:" + "a" * 63,
    "sha256:" + "a" * 65,
    "sha256:" + "A" * 64,
    "sha256:" + "g" * 64,
    "sha256:" + "a" * 64 + "\n",
    "sha256:" + "٣" * 64,  # a digit to `str.isdigit`
    "sha256:" + "../" * 21 + "a",
    "SHA256:" + "a" * 64,
    "md5:" + "a" * 32,
    "sha1:" + "a" * 40,
    "a" * 64,
]


@pytest.mark.parametrize("length", [0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 300_001])
async def test_what_was_sent_comes_back(store: ArtifactStore, length: int) -> None:
    digest = await send(store, BODY[:length])
    assert await store.stat(digest) == length
    assert await content(store, digest) == BODY[:length]


@pytest.mark.parametrize("chunk", [1, 1_000, 1_000_000])
async def test_the_size_of_the_chunks_does_not_matter(store: ArtifactStore, chunk: int) -> None:
    body = BODY[:70_000]
    await store.receive("upload1", chunked(body, chunk), expected=digest_of(body), size=len(body))
    assert await content(store, digest_of(body)) == body


async def test_empty_chunks_are_nothing(store: ArtifactStore) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b"", b"ab", b"", b"c", b""):
            yield chunk

    await store.receive("upload1", chunks(), expected=digest_of(b"abc"), size=3)
    assert await content(store, digest_of(b"abc")) == b"abc"


@pytest.mark.parametrize(
    ("sent", "announced", "size", "refusal"),
    [
        (b"other bytes", b"these bytes", 11, DigestMismatch),
        (b"these byte", b"these bytes", 11, SizeMismatch),
        (b"", b"these bytes", 11, SizeMismatch),
        (b"these bytes!", b"these bytes", 11, SizeMismatch),
        (b"these bytes", b"these bytes", 12, SizeMismatch),
        (b"these bytes", b"these bytes", 10, SizeMismatch),
        (BODY, BODY[:-1], len(BODY) - 1, SizeMismatch),
        (BODY[:-1], BODY, len(BODY), SizeMismatch),
        (BODY[:-1] + b"\0", BODY, len(BODY), DigestMismatch),
        (b"these bytes", b"these bytes", -1, InvalidInput),
    ],
)
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
async def test_other_bytes_than_announced_leave_nothing(  # noqa: PLR0917 - a parametrised table
    store: ArtifactStore, sent: bytes, announced: bytes, size: int, refusal: type[RegistryError], known: bool
) -> None:
    if known:
        await send(store, announced)
    with pytest.raises(refusal):
        await store.receive("upload1", chunked(sent), expected=digest_of(announced), size=size)
    assert await digests(store) == ([digest_of(announced)] if known else [])
    assert [leftover async for leftover in store.leftovers()] == []
    await send(store, announced)
    assert await content(store, digest_of(announced)) == announced


async def test_a_body_that_never_ends_is_refused_at_its_announced_size(store: ArtifactStore) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1_000
            yield bytes(1_000)

    with pytest.raises(SizeMismatch):
        await store.receive("upload1", endless(), expected=ABSENT, size=100_000)
    assert sent == 101_000


async def test_a_body_that_breaks_off_leaves_nothing(store: ArtifactStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield BODY
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.receive("upload1", broken(), expected=ABSENT, size=2 * len(BODY))
    assert await digests(store) == []
    assert [leftover async for leftover in store.leftovers()] == []


@pytest.mark.parametrize("digest", BAD_DIGESTS)
async def test_a_digest_has_one_spelling(store: ArtifactStore, digest: str) -> None:
    with pytest.raises(InvalidDigest):
        await store.receive("upload1", chunked(b""), expected=digest, size=0)
    with pytest.raises(InvalidDigest):
        await store.stat(digest)
    with pytest.raises(InvalidDigest):
        await store.open_range(digest)
    with pytest.raises(InvalidDigest):
        await store.remove(digest)


@pytest.mark.parametrize("upload_id", [*HOSTILE, "-rf", "_", "a.b", "a\n", "a" * 65, " ", "a "])
async def test_an_upload_id_is_one_plain_name(store: ArtifactStore, upload_id: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await store.receive(upload_id, chunked(b"abc"), expected=digest_of(b"abc"), size=3)
    assert refusal.value.details == {"field": "upload_id"}
    assert await digests(store) == []


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, None), (0, 0), (0, 1), (1, 2), (65_535, 65_537), (100_000, None), (300_000, 300_001), (300_001, 300_001)],
)
async def test_a_range_is_its_bytes(store: ArtifactStore, start: int, stop: int | None) -> None:
    digest = await send(store, BODY)
    assert await content(store, digest, start, stop) == BODY[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (0, 300_002), (5, 4), (300_002, None), (0, -1)])
async def test_a_range_outside_of_the_artifact_is_refused_before_the_first_byte(
    store: ArtifactStore, start: int, stop: int | None
) -> None:
    digest = await send(store, BODY)
    with pytest.raises(InvalidRange):
        await store.open_range(digest, start, stop)


async def test_what_is_not_there_is_missing(store: ArtifactStore) -> None:
    assert await store.stat(ABSENT) is None
    assert await store.remove(ABSENT) is False
    assert await digests(store) == []
    assert await store.kept("upload1", ABSENT, 5) == 0
    await store.discard("upload1")
    with pytest.raises(ArtifactMissing):
        await store.open_range(ABSENT)


async def test_what_is_removed_is_gone_and_may_come_back(store: ArtifactStore) -> None:
    digest = await send(store, BODY)
    reading = await store.open_range(digest)
    assert await store.remove(digest) is True
    assert await store.stat(digest) is None
    assert b"".join([piece async for piece in reading]) == BODY
    await send(store, BODY)
    assert await content(store, digest) == BODY


async def test_all_artifacts_are_listed_in_order(store: ArtifactStore) -> None:
    sent = [await send(store, b"%d" % number) for number in range(40)]
    assert await digests(store) == sorted(sent)


async def test_the_list_of_artifacts_can_be_gone_on_with_behind_any_digest(store: ArtifactStore) -> None:
    sent = sorted([await send(store, b"%d" % number) for number in range(40)])
    for after in (sent[0], sent[17], sent[-1], ABSENT):
        assert [digest async for digest in store.digests(after)] == [digest for digest in sent if digest > after]
    for bad in BAD_DIGESTS:
        with pytest.raises(InvalidDigest):
            [digest async for digest in store.digests(bad)]


async def test_what_is_set_aside_is_not_found_and_may_be_sent_again(store: ArtifactStore) -> None:
    digest = await send(store, BODY)
    assert await store.set_aside(digest) is True
    assert await store.stat(digest) is None
    assert await digests(store) == []
    with pytest.raises(ArtifactMissing):
        await store.open_range(digest)
    assert await store.set_aside(digest) is False
    await send(store, BODY)
    assert await content(store, digest) == BODY
    assert await store.set_aside(digest) is True, "a second time, beside the first"
    assert [leftover async for leftover in store.leftovers()] == []


async def test_many_may_send_the_same_bytes_at_once(store: ArtifactStore) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(12):
            group.create_task(send(store, BODY, f"upload{number}"))
    assert await digests(store) == [digest_of(BODY)]
    assert await content(store, digest_of(BODY)) == BODY


async def test_one_bad_sender_of_the_same_bytes_does_not_hurt_the_others(store: ArtifactStore) -> None:
    async def lie() -> None:
        with pytest.raises(DigestMismatch):
            await store.receive("liar", chunked(BODY[::-1]), expected=digest_of(BODY), size=len(BODY))

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(send(store, BODY, f"upload{number}"))
            group.create_task(lie())
    assert await content(store, digest_of(BODY)) == BODY


async def test_many_may_send_different_bytes_at_once(store: ArtifactStore) -> None:
    bodies = [BODY[number : 200_000 + number] for number in range(20)]
    async with asyncio.TaskGroup() as group:
        for number, body in enumerate(bodies):
            group.create_task(send(store, body, f"upload{number}"))
    for body in bodies:
        assert await content(store, digest_of(body)) == body


async def test_a_cancelled_upload_leaves_nothing(store: ArtifactStore) -> None:
    under_way = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield BODY
        under_way.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.receive("upload1", stalled(), expected=ABSENT, size=2 * len(BODY)))
    await under_way.wait()
    assert [leftover async for leftover in store.leftovers()] == [], "what is still coming in is no leftover"
    await store.discard("upload1")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await digests(store) == []
    assert [leftover async for leftover in store.leftovers()] == []


@pytest.mark.parametrize("turns", range(12))
async def test_an_upload_cancelled_at_any_moment_leaves_nothing_unverified(store: ArtifactStore, turns: int) -> None:
    task = asyncio.create_task(send(store, BODY))
    for _ in range(turns):
        await asyncio.sleep(0.0005)
    task.cancel()
    await asyncio.wait([task])
    assert [leftover async for leftover in store.leftovers()] == []
    if await store.stat(digest_of(BODY)) is not None:
        assert await content(store, digest_of(BODY)) == BODY


async def test_a_store_that_works_says_how_much_room_it_has(store: ArtifactStore) -> None:
    free = await store.check()
    assert free is None or free > 0
    assert [leftover async for leftover in store.leftovers()] == []


async def test_memory_stays_flat(store: ArtifactStore, kind: Kind) -> None:
    chunk = bytes(64 * 1024)
    count = 4096

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield chunk

    digest = "sha256:a6d72ac7690f53be6ae46ba88506bd97302a093f7108472bd9efc3cefda06484"  # of 256 MiB of zeros
    tracemalloc.start()
    try:
        await store.receive("upload1", chunks(), expected=digest, size=count * len(chunk))
        received = 0
        async for piece in await store.open_range(digest):
            received += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert received == count * len(chunk)
    assert peak < kind.memory

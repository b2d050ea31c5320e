"""What every artifact store promises of files that come in several bodies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from registry_service.domain.errors import (
    DigestMismatch,
    InvalidDigest,
    InvalidInput,
    OffsetMismatch,
    SizeMismatch,
    UploadIncomplete,
)
from registry_service.storage.base import ArtifactStore
from tests.storage.bodies import chunked, content, digest_of, digests, send, send_in_pieces
from tests.storage.conftest import Kind

BODY = random.Random(3).randbytes(300_001)
DIGEST = digest_of(BODY)


async def append(
    store: ArtifactStore, offset: int, body: bytes, *, of: bytes = BODY, upload_id: str = "upload1"
) -> int:
    return await store.append(upload_id, digest_of(of), offset, chunked(body), size=len(of))


async def kept(store: ArtifactStore, upload_id: str = "upload1") -> int:
    return await store.kept(upload_id, DIGEST, len(BODY))


async def leftovers(store: ArtifactStore) -> list[str]:
    return [leftover.upload_id async for leftover in store.leftovers()]


@pytest.mark.parametrize("length", [1, 64 * 1024, 70_000, 300_000, 300_001, 1_000_000])
async def test_pieces_of_any_length_make_the_file(store: ArtifactStore, length: int) -> None:
    body = BODY if length > 1 else BODY[:20]
    digest = await send_in_pieces(store, body, length=length)
    assert await content(store, digest) == body
    assert await leftovers(store) == []
    assert await store.kept("upload1", digest, len(body)) == 0


async def test_a_file_is_kept_whole_until_it_is_settled_and_goes_on_with_no_byte(
    kind: Kind, store: ArtifactStore
) -> None:
    body = random.Random(5).randbytes(kind.kept_whole_from)
    await append(store, 0, body[:-1], of=body)
    assert await append(store, len(body) - 1, body[-1:], of=body) == len(body)
    for _ in range(2):
        assert await store.kept("upload1", digest_of(body), len(body)) == len(body)
        assert await append(store, len(body), b"", of=body) == len(body)
    assert await leftovers(store) == ["upload1"]
    await store.settle("upload1", digest_of(body))
    assert await store.kept("upload1", digest_of(body), len(body)) == 0
    assert await leftovers(store) == []
    assert await content(store, digest_of(body)) == body


async def test_what_one_upload_brought_is_worth_nothing_to_another(kind: Kind, store: ArtifactStore) -> None:
    body = random.Random(5).randbytes(kind.kept_whole_from)
    await append(store, 0, body, of=body)
    assert await store.kept("upload2", digest_of(body), len(body)) == 0
    with pytest.raises(OffsetMismatch):
        await append(store, len(body), b"", of=body, upload_id="upload2")
    with pytest.raises(UploadIncomplete):
        await store.complete("upload2", digest_of(body), len(body))
    await store.settle("upload2", digest_of(body))
    assert await store.kept("upload1", digest_of(body), len(body)) == len(body)


async def test_an_empty_file_is_whole_at_once(store: ArtifactStore) -> None:
    assert await append(store, 0, b"", of=b"") == 0
    assert await content(store, digest_of(b"")) == b""


async def test_what_a_body_brought_is_kept_and_not_seen(store: ArtifactStore) -> None:
    assert await append(store, 0, BODY[:200_000]) == 200_000
    assert await kept(store) == 200_000
    assert await store.stat(DIGEST) is None
    assert await digests(store) == []
    assert await leftovers(store) == ["upload1"]
    assert await append(store, 200_000, BODY[200_000:]) == len(BODY)
    assert await content(store, DIGEST) == BODY


async def test_each_upload_keeps_its_own(store: ArtifactStore) -> None:
    await append(store, 0, BODY[:200_000])
    assert await kept(store, "upload2") == 0
    await append(store, 0, BODY[:100_000], upload_id="upload2")
    assert (await kept(store), await kept(store, "upload2")) == (200_000, 100_000)
    await store.discard("upload1")
    assert (await kept(store), await kept(store, "upload2")) == (0, 100_000)


@pytest.mark.parametrize("offset", [1, 199_999, 200_001, 300_001])
async def test_bytes_that_do_not_go_on_where_the_kept_ones_end_are_refused(store: ArtifactStore, offset: int) -> None:
    await append(store, 0, BODY[:200_000])
    with pytest.raises(OffsetMismatch) as refusal:
        await append(store, offset, BODY[offset:])
    assert refusal.value.details["kept"] == 200_000
    assert await kept(store) == 200_000


async def test_a_first_body_begins_at_the_beginning(store: ArtifactStore) -> None:
    with pytest.raises(OffsetMismatch):
        await append(store, 5, BODY[5:])
    assert await leftovers(store) == []


@pytest.mark.parametrize("offset", [-1, 300_002])
async def test_an_offset_outside_of_the_file_is_no_offset(store: ArtifactStore, offset: int) -> None:
    with pytest.raises(InvalidInput):
        await append(store, offset, b"")


async def test_bytes_beyond_the_size_are_refused(store: ArtifactStore) -> None:
    await append(store, 0, BODY[:200_000])
    with pytest.raises(SizeMismatch):
        await append(store, 200_000, BODY[200_000:] + b"!")
    assert await digests(store) == []


async def test_other_bytes_leave_nothing_and_the_right_ones_are_taken_then(store: ArtifactStore) -> None:
    await append(store, 0, BODY[:199_999] + b"!")
    with pytest.raises(DigestMismatch):
        await append(store, 200_000, BODY[200_000:])
    assert await digests(store) == []
    assert await leftovers(store) == []
    await send_in_pieces(store, BODY)
    assert await content(store, DIGEST) == BODY


async def test_a_body_that_breaks_off_is_gone_on_with(store: ArtifactStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for start in range(0, 250_000, 50_000):
            yield BODY[start : start + 50_000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.append("upload1", DIGEST, 0, broken(), size=len(BODY))
    assert 0 < await kept(store) <= 250_000
    await send_in_pieces(store, BODY)
    assert await content(store, DIGEST) == BODY


async def test_a_request_that_hangs_gives_way_to_the_next(store: ArtifactStore) -> None:
    under_way = asyncio.Event()
    goes_on = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield BODY[:140_000]
        under_way.set()
        await goes_on.wait()
        yield BODY[140_000:280_000]

    first = asyncio.create_task(store.append("upload1", DIGEST, 0, stalled(), size=len(BODY)))
    await under_way.wait()
    await store.discard("upload1")  # what is being sent stays
    await send_in_pieces(store, BODY)
    goes_on.set()
    with pytest.raises(OffsetMismatch):
        await first
    assert await content(store, DIGEST) == BODY
    assert await leftovers(store) == []


@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_a_piece_cancelled_at_any_moment_is_gone_on_with(store: ArtifactStore, turns: int) -> None:
    task = asyncio.create_task(append(store, 0, BODY[:290_000]))
    for _ in range(turns):
        await asyncio.sleep(0.0005)
    task.cancel()
    await asyncio.wait([task])
    await send_in_pieces(store, BODY)
    assert await content(store, DIGEST) == BODY
    assert await leftovers(store) == []


async def test_many_may_send_the_same_file_in_pieces_at_once(store: ArtifactStore) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(send_in_pieces(store, BODY, f"upload{number}"))
            group.create_task(send(store, BODY, f"upload{number}"))
    assert await content(store, DIGEST) == BODY
    assert await leftovers(store) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a.b"])
async def test_names_are_plain(store: ArtifactStore, name: str) -> None:
    with pytest.raises(InvalidInput):
        await append(store, 0, b"", upload_id=name)
    with pytest.raises(InvalidInput):
        await store.kept(name, DIGEST, 1)
    with pytest.raises(InvalidInput):
        await store.discard(name)
    with pytest.raises(InvalidDigest):
        await store.append("upload1", name, 0, chunked(b""), size=0)

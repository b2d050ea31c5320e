"""What every artifact store promises of bytes that go past the service, as far as it can let them."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime

import httpx
import pytest

from registry_service.domain.errors import DigestMismatch, UploadIncomplete
from registry_service.storage.base import ArtifactStore, PresignedPart, PresignedParts
from tests.storage.bodies import chunked, content, digest_of, digests, send, send_in_pieces

MIB = 1024 * 1024
BODY = random.Random(7).randbytes(12 * MIB + 345)
DIGEST = digest_of(BODY)


async def missing(store: ArtifactStore, upload_id: str = "upload1") -> PresignedParts:
    parts = await store.presigned_parts(upload_id, DIGEST, len(BODY))
    if parts is None:
        pytest.skip("this store takes bytes only through the service")
    assert parts.expires_at > datetime.now(UTC)
    return parts


def put(part: PresignedPart, body: bytes = BODY) -> int:
    piece = body[part.offset : part.offset + part.size]
    return httpx.put(part.url, content=piece, trust_env=False, timeout=60).status_code


async def complete(store: ArtifactStore) -> None:
    await store.complete("upload1", DIGEST, len(BODY))
    await store.settle("upload1", DIGEST)


async def leftovers(store: ArtifactStore) -> int:
    return len([leftover async for leftover in store.leftovers()])


async def test_parts_may_come_in_any_order_and_twice(store: ArtifactStore) -> None:
    parts = (await missing(store)).missing
    assert [(part.number, part.offset) for part in parts] == [(1, 0), (2, 5 * MIB), (3, 10 * MIB)]
    assert sum(part.size for part in parts) == len(BODY)
    for part in (parts[2], parts[0], parts[2]):
        assert await asyncio.to_thread(put, part) == 200
    left = await missing(store)
    assert ([part.number for part in left.missing], left.kept) == ([2], len(BODY) - 5 * MIB)
    with pytest.raises(UploadIncomplete) as refusal:
        await complete(store)
    assert refusal.value.details["missing"] == [2]
    assert await digests(store) == []
    assert await asyncio.to_thread(put, left.missing[0]) == 200
    assert (await missing(store)).missing == []
    await complete(store)
    assert await content(store, DIGEST) == BODY
    assert await leftovers(store) == 0


async def test_other_bytes_are_refused_and_leave_nothing(store: ArtifactStore) -> None:
    for part in (await missing(store)).missing:
        await asyncio.to_thread(put, part, BODY[:-1] + b"!")
    with pytest.raises(DigestMismatch):
        await complete(store)
    assert await digests(store) == []
    assert await leftovers(store) == 0
    for part in (await missing(store)).missing:
        await asyncio.to_thread(put, part)
    await complete(store)
    assert await content(store, DIGEST) == BODY


async def test_a_part_of_another_length_has_not_arrived(store: ArtifactStore) -> None:
    parts = await missing(store)
    await asyncio.to_thread(put, parts.missing[0], BODY[: 4 * MIB])
    assert len((await missing(store)).missing) == 3
    assert await store.kept("upload1", DIGEST, len(BODY)) == 0


async def test_no_url_leads_to_bytes_that_others_see(store: ArtifactStore) -> None:
    await send(store, BODY)
    for part in (await missing(store)).missing:
        await asyncio.to_thread(put, part, bytes(len(BODY)))
    with pytest.raises(DigestMismatch):
        await complete(store)
    assert await content(store, DIGEST) == BODY


async def test_a_url_is_worth_nothing_once_the_file_is_whole_or_discarded(store: ArtifactStore) -> None:
    parts = await missing(store)
    for part in parts.missing:
        await asyncio.to_thread(put, part)
    await complete(store)
    assert await asyncio.to_thread(put, parts.missing[0], bytes(len(BODY))) == 404
    assert await content(store, DIGEST) == BODY
    parts = await missing(store, "upload2")
    await store.discard("upload2")
    assert await asyncio.to_thread(put, parts.missing[0]) == 404
    assert await leftovers(store) == 0


async def test_a_url_is_good_for_its_part_alone(store: ArtifactStore) -> None:
    url = (await missing(store)).missing[0].url
    other = url.replace("partNumber=1", "partNumber=2")
    assert other != url
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.put(other, content=b"x")).status_code == 403
        assert (await http.get(url)).status_code == 403
        assert (await http.delete(url)).status_code == 403


async def test_parts_and_bodies_through_the_service_make_one_file(store: ArtifactStore) -> None:
    parts = (await missing(store)).missing
    await asyncio.to_thread(put, parts[0])
    assert await store.kept("upload1", DIGEST, len(BODY)) == 5 * MIB
    await store.append("upload1", DIGEST, 5 * MIB, chunked(BODY[5 * MIB : 10 * MIB]), size=len(BODY))
    assert [part.number for part in (await missing(store)).missing] == [3]
    await asyncio.to_thread(put, parts[2])
    await complete(store)
    assert await content(store, DIGEST) == BODY


async def test_whoever_completes_at_once_gets_the_same_outcome(store: ArtifactStore) -> None:
    for part in (await missing(store)).missing:
        await asyncio.to_thread(put, part)
    await asyncio.gather(*(complete(store) for _ in range(4)))
    assert await content(store, DIGEST) == BODY
    assert await leftovers(store) == 0


async def test_what_has_not_come_is_not_complete(store: ArtifactStore) -> None:
    with pytest.raises(UploadIncomplete):
        await complete(store)
    await store.append("upload1", DIGEST, 0, chunked(BODY[: 6 * MIB]), size=len(BODY))
    with pytest.raises(UploadIncomplete):
        await complete(store)
    await send_in_pieces(store, BODY, length=6 * MIB)
    assert await content(store, DIGEST) == BODY


async def test_a_small_file_goes_through_the_service(store: ArtifactStore) -> None:
    assert await store.presigned_parts("upload1", digest_of(b"abc"), 3) is None


async def test_a_download_of_one_s_own_is_a_file_to_save(store: ArtifactStore) -> None:
    url = await store.presigned_download(await send(store, BODY), filename="modèle 1.bin")
    if url is None:
        pytest.skip("this store gives bytes only through the service")
    async with httpx.AsyncClient(trust_env=False) as http:
        whole = await http.get(url)
        assert whole.content == BODY
        assert whole.headers["content-disposition"] == "attachment; filename*=UTF-8''mod%C3%A8le%201.bin"
        assert whole.headers["content-type"] == "application/octet-stream"
        piece = await http.get(url, headers={"range": "bytes=10-19"})
        assert (piece.status_code, piece.content) == (206, BODY[10:20])
        assert (await http.put(url, content=b"x")).status_code == 403
        other = url.replace(DIGEST[-4:], "0000")
        assert (await http.get(other)).status_code in {403, 404}

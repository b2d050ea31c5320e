"""Bodies to send, and what to expect of them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from registry_service.storage.base import ArtifactStore


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


async def chunked(body: bytes, length: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(body), length):
        yield body[start : start + length]


async def send(store: ArtifactStore, body: bytes, upload_id: str = "upload1") -> str:
    digest = digest_of(body)
    await store.receive(upload_id, chunked(body), expected=digest, size=len(body))
    return digest


async def send_in_pieces(store: ArtifactStore, body: bytes, upload_id: str = "upload1", length: int = 40_000) -> str:
    """As `send`, in several bodies, each going on behind what is kept, and settled."""
    digest = digest_of(body)
    kept = await store.kept(upload_id, digest, len(body))
    while True:
        piece = body[kept : kept + length]
        kept = await store.append(upload_id, digest, kept, chunked(piece), size=len(body))
        if kept == len(body):
            await store.settle(upload_id, digest)
            return digest


async def content(store: ArtifactStore, digest: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([piece async for piece in await store.open_range(digest, start, stop)])


async def digests(store: ArtifactStore) -> list[str]:
    return [digest async for digest in store.digests()]

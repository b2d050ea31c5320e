"""Files that a directory store keeps between bodies, and between processes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from registry_service.domain.errors import DigestMismatch
from registry_service.storage.filesystem import FilesystemStore
from tests.storage.bodies import chunked, content, digest_of, digests, send_in_pieces

BODY = random.Random(4).randbytes(300_001)
DIGEST = digest_of(BODY)


async def begun(root: Path, length: int = 200_000) -> None:
    store = FilesystemStore(root, keep_free=0)
    await store.append("upload1", DIGEST, 0, chunked(BODY[:length]), size=len(BODY))
    await store.close()


async def test_another_process_goes_on(tmp_path: Path) -> None:
    await begun(tmp_path)
    store = FilesystemStore(tmp_path, keep_free=0)
    assert await store.kept("upload1", DIGEST, len(BODY)) == 200_000
    await send_in_pieces(store, BODY)
    assert await content(store, DIGEST) == BODY
    await store.close()


@pytest.mark.parametrize("length", [200_000, 300_001])
async def test_bytes_that_changed_meanwhile_are_found_out(tmp_path: Path, length: int) -> None:
    """As after a loss of power, which may leave other bytes at the end of the file."""
    await begun(tmp_path)
    [file] = (tmp_path / "uploads").iterdir()
    file.write_bytes(BODY[:150_000] + bytes(length - 150_000))
    store = FilesystemStore(tmp_path, keep_free=0)
    with pytest.raises(DigestMismatch):
        await store.append("upload1", DIGEST, length, chunked(BODY[length:]), size=len(BODY))
    assert await digests(store) == []
    await send_in_pieces(store, BODY)
    assert await content(store, DIGEST) == BODY
    await store.close()

"""Files that a directory store keeps between bodies, and between processes."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from pathlib import Path

import pytest
from typing_extensions import override

from registry_service.domain.errors import DigestMismatch
from registry_service.storage.filesystem import FilesystemStore
from registry_service.storage.system_calls import FileSystemCalls
from tests.storage.bodies import chunked, content, digest_of, digests, send, send_in_pieces

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


class SlowToRead(FileSystemCalls):
    """Kept files are read only once it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    @override
    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        if flags == os.O_RDONLY and path.parent.name == "uploads":
            assert self.go.wait(30)
        return super().open(path, flags, mode)


async def test_large_files_that_are_read_again_hold_nobody_up(tmp_path: Path) -> None:
    await begun(tmp_path)
    calls = SlowToRead()
    store = FilesystemStore(tmp_path, keep_free=0, threads=1, calls=calls)
    small = await send(store, b"small")
    completing = asyncio.create_task(store.append("upload1", DIGEST, 200_000, chunked(BODY[200_000:]), size=len(BODY)))
    try:
        await asyncio.wait([completing], timeout=0.5)
        async with asyncio.timeout(10):
            assert await content(store, small) == b"small"
    finally:
        calls.go.set()
    assert await completing == len(BODY)
    assert await content(store, DIGEST) == BODY
    await store.close()

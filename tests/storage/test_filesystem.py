from __future__ import annotations

import asyncio
import errno
import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from registry_service.domain.errors import InvalidInput, StorageFull, StorageUnavailable
from registry_service.storage.filesystem import FilesystemStore
from registry_service.storage.incoming import Incoming
from registry_service.storage.tree import Tree
from tests.storage.bodies import chunked, content, digest_of, digests, send
from tests.storage.disk import WatchedCalls
from tests.storage.test_contract import BAD_DIGESTS, HOSTILE

BODY = bytes(range(256)) * 1_000


@pytest.fixture
def calls() -> WatchedCalls:
    return WatchedCalls()


@pytest.fixture
async def store(tmp_path: Path, calls: WatchedCalls) -> AsyncIterator[FilesystemStore]:
    made = FilesystemStore(tmp_path / "store", piece_size=32 * 1024, keep_free=0, calls=calls)
    yield made
    await made.close()


def paths(root: Path) -> list[Path]:
    return sorted(root.rglob("*"))


def modes(root: Path) -> tuple[set[int], set[int]]:
    found = [root, *paths(root)]
    directories = {path.stat().st_mode & 0o7777 for path in found if path.is_dir()}
    return directories, {path.stat().st_mode & 0o7777 for path in found if path.is_file()}


async def test_nobody_else_may_look_inside_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = FilesystemStore(tmp_path / "a" / "store", keep_free=0)
        await send(store, BODY)
        halfway = asyncio.Event()

        async def stalled() -> AsyncIterator[bytes]:
            halfway.set()
            await asyncio.Event().wait()
            yield b""

        task = asyncio.create_task(store.receive("upload1", stalled(), expected=digest_of(b"x"), size=1))
        await halfway.wait()
        assert modes(tmp_path / "a") == ({0o700}, {0o600})
        assert len([path for path in paths(tmp_path / "a") if path.is_file()]) == 2
        task.cancel()
        await asyncio.wait([task])
        await store.close()
    finally:
        os.umask(before)


async def test_directories_that_were_open_to_others_are_closed(tmp_path: Path, store: FilesystemStore) -> None:
    for directory in ("store", "store/uploads", "store/blobs", "store/blobs/sha256"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory).chmod(0o777)
    await send(store, BODY)
    assert modes(tmp_path / "store") == ({0o700}, {0o600})


@pytest.mark.parametrize(("foreign", "usable"), [("store", True), ("store/uploads", False)])
async def test_a_volume_of_another_owner_will_do_but_nothing_of_others_inside_of_it(
    tmp_path: Path, store: FilesystemStore, calls: WatchedCalls, foreign: str, usable: bool
) -> None:
    def not_ours(number: int, name: str) -> None:
        if name == "chmod":
            raise PermissionError(errno.EPERM, "planted")

    (tmp_path / "store").mkdir(mode=0o700)
    (tmp_path / foreign).mkdir(exist_ok=True)
    (tmp_path / foreign).chmod(0o755)
    calls.before = not_ours
    if usable:
        await send(store, BODY)
        return
    with pytest.raises(StorageUnavailable):
        await send(store, BODY)


@pytest.mark.parametrize(("closed", "usable"), [("ground", True), ("store", False)])
async def test_only_above_the_root_may_a_directory_be_closed_to_the_service(
    tmp_path: Path, closed: str, usable: bool
) -> None:
    class Closed(WatchedCalls):
        @override
        def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
            if path.name == closed:
                raise PermissionError(errno.EACCES, "planted")
            return super().open(path, flags, mode)

    (tmp_path / "ground").mkdir()
    store = FilesystemStore(tmp_path / "ground" / "store", keep_free=0, calls=Closed())
    if usable:
        await send(store, BODY)
    else:
        with pytest.raises(StorageUnavailable):
            await send(store, BODY)
    await store.close()


async def test_hostile_names_leave_no_trace(tmp_path: Path, store: FilesystemStore) -> None:
    await send(store, BODY)
    before = paths(tmp_path)
    requests = [(name, digest_of(b"abc")) for name in HOSTILE] + [("upload1", digest) for digest in BAD_DIGESTS]
    for upload_id, digest in requests:
        with pytest.raises(InvalidInput):
            await store.receive(upload_id, chunked(b"abc"), expected=digest, size=3)
    assert paths(tmp_path) == before


async def test_a_link_in_place_of_a_blob_is_not_followed(tmp_path: Path, store: FilesystemStore) -> None:
    digest = await send(store, BODY)
    name = digest.removeprefix("sha256:")
    path = tmp_path / "store" / "blobs" / "sha256" / name[:2] / name
    secret = tmp_path / "secret"
    secret.write_bytes(BODY)
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(StorageUnavailable):
        await store.open_range(digest)


async def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "volume")
    store = FilesystemStore(tmp_path / "store", keep_free=0)
    digest = await send(store, BODY)
    assert await content(store, digest) == BODY
    await store.close()


async def test_a_damaged_blob_of_another_size_is_replaced_when_its_bytes_are_sent_again(
    tmp_path: Path, store: FilesystemStore
) -> None:
    digest = await send(store, BODY)
    name = digest.removeprefix("sha256:")
    path = tmp_path / "store" / "blobs" / "sha256" / name[:2] / name
    path.write_bytes(BODY[:100])
    await send(store, BODY)
    assert await content(store, digest) == BODY


async def test_an_artifact_that_shrinks_while_it_is_read_is_an_error_and_not_a_short_answer(
    tmp_path: Path, store: FilesystemStore, calls: WatchedCalls
) -> None:
    digest = await send(store, BODY)
    reading = await store.open_range(digest)
    name = digest.removeprefix("sha256:")
    os.truncate(tmp_path / "store" / "blobs" / "sha256" / name[:2] / name, 40_000)
    with pytest.raises(StorageUnavailable, match="damaged"):
        _ = [piece async for piece in reading]


async def test_bytes_removed_while_they_are_sent_again_are_there_then(store: FilesystemStore) -> None:
    digest = await send(store, BODY)

    async def chunks() -> AsyncIterator[bytes]:
        await store.remove(digest)
        yield BODY

    await store.receive("upload1", chunks(), expected=digest, size=len(BODY))
    assert await content(store, digest) == BODY


async def test_files_of_others_in_the_store_are_not_taken_for_its_own(tmp_path: Path, store: FilesystemStore) -> None:
    digest = await send(store, BODY)
    shard = tmp_path / "store" / "blobs" / "sha256" / digest[7:9]
    (shard / "lost+found").mkdir()
    (shard / ("f" * 63)).touch()
    (tmp_path / "store" / "blobs" / "sha256" / "notes.txt").touch()
    (tmp_path / "store" / "uploads" / "notes.txt").touch()
    assert await digests(store) == [digest]
    assert [leftover async for leftover in store.leftovers()] == []


async def test_room_that_is_to_stay_free_is_not_given_to_an_upload(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path / "store", keep_free=1 << 60)
    read = False

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"abc"

    with pytest.raises(StorageFull) as refusal:
        await store.receive("upload1", chunks(), expected=digest_of(b"abc"), size=3)
    assert refusal.value.details["needed"] == 3
    assert not read, "refused before the body is taken"
    with pytest.raises(StorageFull):
        await store.check()
    await store.close()


async def test_a_volume_that_was_exchanged_is_furnished_anew(tmp_path: Path, store: FilesystemStore) -> None:
    await send(store, BODY)
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(StorageUnavailable):
        await send(store, BODY)
    await send(store, BODY)
    assert await content(store, digest_of(BODY)) == BODY


async def test_a_store_that_cannot_be_written_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where a directory should be")
    store = FilesystemStore(tmp_path / "store", keep_free=0)
    with pytest.raises(StorageUnavailable):
        await store.check()
    await store.close()


# --------------------------------------------------------------------------------------------------- cancellation


async def test_an_upload_cancelled_twice_while_the_disk_hangs_is_cleaned_up_when_it_comes_back(
    tmp_path: Path, store: FilesystemStore, calls: WatchedCalls
) -> None:
    hanging, released = threading.Event(), threading.Event()

    def hang(number: int, name: str) -> None:
        if name == "write":
            hanging.set()
            assert released.wait(20)

    calls.before = hang
    task = asyncio.create_task(send(store, BODY))
    await asyncio.to_thread(hanging.wait, 20)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done(), "the worker still has the file"
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    released.set()
    await store.close()
    assert [path for path in paths(tmp_path / "store") if path.is_file()] == []
    assert calls.open_files == 0


def test_a_worker_that_comes_late_to_an_abandoned_body_does_nothing(tmp_path: Path, calls: WatchedCalls) -> None:
    body = Incoming(Tree(tmp_path / "store", calls, keep_free=0), "upload1", digest_of(b"")[7:], 0)
    body.discard()
    body.begin()
    body.write([b""])
    body.finish()
    assert calls.names_of_calls == []


async def test_a_reader_closes_its_file_at_the_end(store: FilesystemStore, calls: WatchedCalls) -> None:
    digest = await send(store, BODY)
    reading = await store.open_range(digest)
    assert calls.open_files == 1
    assert b"".join([piece async for piece in reading]) == BODY
    assert calls.open_files == 0
    assert [piece async for piece in reading] == []


async def test_a_reader_that_is_given_up_closes_its_file(store: FilesystemStore, calls: WatchedCalls) -> None:
    digest = await send(store, BODY)
    never_asked = await store.open_range(digest)
    half_read = await store.open_range(digest)
    assert await anext(half_read)
    assert calls.open_files == 2
    del never_asked, half_read
    gc.collect()
    assert calls.open_files == 0


async def test_a_reader_that_is_cancelled_closes_its_file_after_the_read_under_way(store: FilesystemStore) -> None:
    hanging, released = threading.Event(), threading.Event()

    class SlowReads(WatchedCalls):
        @override
        def read(self, descriptor: int, length: int, offset: int) -> bytes:
            hanging.set()
            assert released.wait(20)
            return super().read(descriptor, length, offset)

    digest = await send(store, BODY)
    slow = SlowReads()
    reader = FilesystemStore(store._tree._root, calls=slow)
    reading = await reader.open_range(digest)

    async def read() -> None:
        async for _ in reading:
            pass

    task = asyncio.create_task(read())
    await asyncio.to_thread(hanging.wait, 20)
    task.cancel()
    await asyncio.wait([task])
    for _ in range(20):  # other workers are free to do what the cancellation asked for
        await reader.stat(digest)
    assert slow.open_files == 1, "closed under a read"
    released.set()
    while slow.open_files:
        await reader.stat(digest)
    with pytest.raises(StorageUnavailable, match="given up"):
        await anext(reading)
    await reader.close()
    assert slow.open_files == 0


# ------------------------------------------------------------------------------------------------------ leftovers

DIE_HALFWAY = """
import asyncio, os, signal, sys
from pathlib import Path
from registry_service.storage.filesystem import FilesystemStore

async def chunks():
    for _ in range(8):
        yield bytes(1024 * 1024)
    os.kill(os.getpid(), signal.SIGKILL)
    yield b""

store = FilesystemStore(Path(sys.argv[1]), keep_free=0)
asyncio.run(store.receive("upload7", chunks(), expected="sha256:" + "0" * 64, size=1 << 30))
"""


async def test_what_a_killed_process_leaves_is_found_and_discarded(tmp_path: Path, store: FilesystemStore) -> None:
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", DIE_HALFWAY, str(tmp_path / "store")], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    digest = await send(store, BODY)
    assert await digests(store) == [digest]
    [leftover] = [leftover async for leftover in store.leftovers()]
    assert leftover.upload_id == "upload7"
    assert 0 < leftover.size <= 8 * 1024 * 1024
    now = datetime.now(UTC)
    assert now - timedelta(minutes=1) < leftover.changed_at <= now
    await store.discard("upload8")
    assert len([leftover async for leftover in store.leftovers()]) == 1
    await store.discard("upload7")
    assert [leftover async for leftover in store.leftovers()] == []
    assert await content(store, digest) == BODY

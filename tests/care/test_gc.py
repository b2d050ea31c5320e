"""A collection takes what nobody needs, and never what somebody was told is there."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from registry_service import failpoints
from registry_service.care import gc
from registry_service.care.fsck import check_registry
from registry_service.care.gc import collect_step, finish_abandoned
from registry_service.db.engine import open_database
from registry_service.db.queries import uploads as upload_queries
from registry_service.db.tables import blobs
from registry_service.db.view import View
from registry_service.domain.entities import CollectionStep
from registry_service.domain.errors import InvalidCursor, InvalidInput, NotPermitted, Unavailable, UploadIncomplete
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Actor
from registry_service.domain.requests import (
    CollectGarbage,
    NewManifestFile,
    NewUploadFile,
    RegisterVersion,
    StartUpload,
)
from registry_service.services import collection
from registry_service.services.collection import LEASE, condemn
from registry_service.services.models import delete_model
from registry_service.services.registry import Registry
from registry_service.services.uploads import abort_upload, file_received, start_upload
from registry_service.services.versions import register_version
from tests.care.turns import Dead, TurnRegistry, Turns, TurnStore, orders, play
from tests.services.world import ADA, DAY, HOUR, World, _in_chunks

GRACE = HOUR


async def garbage(world: World, content: bytes) -> str:
    """Bytes that came and were given up long ago."""
    upload = await world.upload(content)
    await world.act("airflow", abort_upload, upload)
    world.clock.advance(2 * GRACE)
    return digest_of(content)


async def collect(registry: Registry, *, grace: timedelta = GRACE, dry_run: bool = False) -> list[CollectionStep]:
    steps: list[CollectionStep] = []
    cursor: str | None = None
    while not steps or cursor is not None:
        body = CollectGarbage(grace=round(grace.total_seconds()), dry_run=dry_run, cursor=cursor)
        steps.append(await collect_step(registry, ADA, body))
        cursor = steps[-1].cursor
    return steps


def collected(steps: list[CollectionStep]) -> set[str]:
    return {artifact.digest for step in steps for artifact in step.collected}


def known(view: View) -> set[str]:
    return set(view.connection.execute(select(blobs.c.digest)).scalars())


async def test_what_nobody_needs_goes_and_everything_else_stays(world: World, database_url: str) -> None:
    await world.registered(2)
    await world.revoke(1)
    await world.registered(1, "deleted")
    await world.act("ada", delete_model, "deleted")
    old = await garbage(world, b"given up")
    await world.upload(b"on its way")
    young = await world.upload(b"given up just now")
    await world.act("airflow", abort_upload, young)
    before = await world.look("ada", known)

    dry = await collect(world.registry, dry_run=True)
    assert collected(dry) == {old}
    assert await world.store.stat(old) == len(b"given up"), "a dry run changes nothing"

    assert collected(await collect(world.registry)) == {old}
    assert await world.store.stat(old) is None
    assert await world.look("ada", known) == before - {old}
    report = await check_registry(database_url, world.store, deep=True)
    assert report.sound and report.notes == []
    assert collected(await collect(world.registry)) == set()


async def test_an_upload_that_expired_holds_nothing_any_more(world: World) -> None:
    await world.model()
    await world.upload(b"forgotten")
    world.clock.advance(DAY - HOUR)
    assert collected(await collect(world.registry)) == set()
    world.clock.advance(2 * HOUR)
    assert collected(await collect(world.registry)) == {digest_of(b"forgotten")}


async def test_bytes_without_a_row_are_given_their_grace_first(world: World) -> None:
    digest = digest_of(b"stray")
    await world.store.receive("nobody", _in_chunks(b"stray"), expected=digest, size=5)
    assert sum(step.adopted for step in await collect(world.registry, dry_run=True)) == 1
    assert await world.look("ada", known) == set()
    steps = await collect(world.registry)
    assert (sum(step.adopted for step in steps), collected(steps)) == (1, set())
    world.clock.advance(2 * GRACE)
    assert collected(await collect(world.registry)) == {digest}
    assert await world.store.stat(digest) is None


async def test_what_ended_uploads_left_behind_is_discarded(world: World) -> None:
    await world.model()
    for name in (b"open", b"aborted"):
        file = NewUploadFile(digest=digest_of(name * 9), size=len(name) * 9)
        session = await world.act("airflow", start_upload, StartUpload(model="fraud", files=[file]))
        await world.store.append(session.id, file.digest, 0, _in_chunks(name), size=file.size)
        if name == b"aborted":
            await world.act("airflow", abort_upload, session.id)
    assert (await collect(world.registry, dry_run=True))[0].leftovers == 1
    assert len([left async for left in world.store.leftovers()]) == 2
    assert (await collect(world.registry))[0].leftovers == 1
    assert [left.size async for left in world.store.leftovers()] == [4]


async def test_a_collection_goes_on_in_steps_of_bounded_length(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.registered(3)
    digests = {await garbage(world, f"given up {number}".encode()) for number in range(7)}
    monkeypatch.setattr(gc, "LISTED_AT_ONCE", 2)
    monkeypatch.setattr(gc, "LOOKED_AT_ONCE", 3)
    monkeypatch.setattr(gc, "REMOVED_AT_ONCE", 2)
    steps = await collect(world.registry)
    assert collected(steps) == digests
    assert max(len(step.collected) for step in steps) == 2
    assert len(steps) > 8


async def test_a_collection_is_an_admins_and_takes_no_nonsense(world: World) -> None:
    with pytest.raises(NotPermitted):
        await collect_step(world.registry, await world.actor("ben"), CollectGarbage())
    for cursor in ("", "sweep", "sweep:sha256:../../x", "elsewhere:"):
        with pytest.raises(InvalidCursor):
            await collect_step(world.registry, ADA, CollectGarbage(cursor=cursor))
    for grace in (-1, 10**15):
        with pytest.raises(InvalidInput):
            await collect_step(world.registry, ADA, CollectGarbage(grace=grace))


# ------------------------------------------------------------------ beside an upload of the same bytes, step by step


class Both:
    """A collection and an upload of the same bytes."""

    def __init__(self, world: World, directory: Path, content: bytes) -> None:
        self._world = world
        self._content = content
        self.digest = digest_of(content)
        self.collector, self.uploader = Turns(), Turns()
        database, root = world.registry.database, directory / "artifacts"
        self.stores = [TurnStore(turns, root) for turns in (self.collector, self.uploader)]
        self.collecting = TurnRegistry(self.collector, database, self.stores[0], world.clock, looks={"find_garbage"})
        self._uploading = TurnRegistry(self.uploader, database, self.stores[1], world.clock, looks={"awaited_file"})

    async def collect(self) -> None:
        await collect_step(self.collecting, ADA, CollectGarbage(grace=60, cursor="sweep:"))

    async def upload(self, by: Actor) -> None:
        """As the service does it for a client that tries again."""
        size = len(self._content)
        files = [NewUploadFile(digest=self.digest, size=size)]
        started = await self._uploading.write(by, start_upload, None, StartUpload(model="fraud", files=files))
        upload = started.result.id
        manifest = [NewManifestFile(path="model.bin", digest=self.digest, size=size)]
        body = RegisterVersion(files=manifest, upload=upload)
        for _ in range(100):
            try:
                file = await self._uploading.view(by, upload_queries.awaited_file, upload, self.digest)
                if file.received_at is None:
                    chunks = _in_chunks(self._content)
                    await self._uploading.store.receive(upload, chunks, expected=self.digest, size=size)
                seen = {"seen_damaged": file.damaged_at}
                await self._uploading.write(by, file_received, None, upload, self.digest, **seen)
                await self._uploading.write(by, register_version, None, "fraud", body)
            except (Unavailable, UploadIncomplete):
                continue
            else:
                return

    async def close(self) -> None:
        for store in self.stores:
            await store.close()


async def lost(world: World, directory: Path) -> list[str]:
    """The orders of steps in which a version was registered whose bytes are gone."""

    await world.model()
    airflow = await world.actor("airflow")
    failed = []
    for number, order in enumerate(orders(4, 6)):
        content = f"content of order {number}".encode()
        await garbage(world, content)
        both = Both(world, directory, content)
        both.collector.start(both.collect())
        both.uploader.start(both.upload(airflow))
        await play(order, both.collector, both.uploader)
        await both.close()
        if await world.store.stat(both.digest) != len(content):
            failed.append("".join("c" if first else "u" for first in order))
    return failed


async def test_an_upload_that_was_acknowledged_keeps_its_bytes_in_every_order(
    world: World, database_url: str, tmp_path: Path
) -> None:
    assert await lost(world, tmp_path) == []
    report = await check_registry(database_url, world.store, deep=True)
    assert (report.faults, report.artifacts) == ([], 210)


@contextmanager
def planted(place: object, name: str, bug: object) -> Iterator[None]:
    original = getattr(place, name)
    setattr(place, name, bug)
    try:
        yield
    finally:
        setattr(place, name, original)


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_without_asking_whether_bytes_are_condemned_uploads_would_be_lost(world: World, tmp_path: Path) -> None:
    with planted(upload_queries, "refuse_condemned", lambda file: None):
        assert len(await lost(world, tmp_path)) > 5


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_without_regard_to_open_uploads_they_would_be_lost(world: World, tmp_path: Path) -> None:
    with planted(collection, "_PINNED", blobs.c.digest.is_(None)):
        assert len(await lost(world, tmp_path)) > 5


@pytest.mark.parametrize("dialect", [pytest.param("postgresql", marks=pytest.mark.postgres)])
async def test_nothing_is_condemned_while_an_upload_of_it_begins_elsewhere(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """Two transactions at once, which only PostgreSQL has: the upload's isn't committed when the collection looks."""

    await world.model()
    digest = await garbage(world, b"given up")
    airflow = await world.actor("airflow")
    begun, go_on = threading.Event(), threading.Event()

    def replica() -> None:
        async def start() -> None:
            database = open_database(database_url)
            await database.start()
            elsewhere = Registry(database, world.store, clock=world.clock, public_url="")
            files = [NewUploadFile(digest=digest, size=8)]
            await elsewhere.write(airflow, start_upload, None, StartUpload(model="fraud", files=files))
            await database.stop()

        asyncio.run(start())

    def hold(point: str) -> None:
        if point == "upload.session_written":
            begun.set()
            assert go_on.wait(30)

    failpoints.watch(hold)
    try:
        thread = threading.Thread(target=replica)
        thread.start()
        assert await asyncio.to_thread(begun.wait, 30)
        condemning = asyncio.ensure_future(world.act("ada", condemn, [digest], grace=GRACE))
        await asyncio.sleep(0.5)
        waited = not condemning.done()
        go_on.set()
        condemned = await condemning
        await asyncio.to_thread(thread.join, 30)
    finally:
        failpoints.watch(None)
        go_on.set()
    assert waited
    assert condemned.artifacts == [], "the upload was committed first, and is seen"


async def test_whoever_died_half_way_is_finished_by_others(world: World, database_url: str, tmp_path: Path) -> None:
    await world.model()
    airflow = await world.actor("airflow")
    for lives in itertools.count():
        content = f"given up, with {lives} steps to live".encode()
        await garbage(world, content)
        both = Both(world, tmp_path, content)
        both.collector.lives = lives
        try:
            await both.collect()
            died = False
        except Dead:
            died = True
        world.clock.advance(LEASE)
        await finish_abandoned(world.registry)
        await both.upload(airflow)
        await both.close()
        assert await world.store.stat(both.digest) == len(content)
        report = await check_registry(database_url, world.store)
        assert report.sound, (lives, report.faults)
        if not died:
            break
    assert lives == 4


async def test_who_slept_too_long_removes_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have finished meanwhile, and the bytes may be back."""

    await world.model()
    digest = await garbage(world, b"given up")
    monkeypatch.setattr(gc, "REMOVE_WITHIN", timedelta(0))
    steps = await collect(world.registry)
    assert (collected(steps), sum(step.kept_back for step in steps)) == (set(), 1)
    assert await world.store.stat(digest) == 8
    await world.register(content=b"given up")


async def test_a_store_that_fails_half_way_leaves_nothing_condemned(world: World, tmp_path: Path) -> None:
    await world.model()
    digests = sorted([await garbage(world, f"given up {number}".encode()) for number in range(3)])

    class Failing(TurnStore):
        async def remove(self, digest: str) -> bool:
            if digest == digests[1]:
                raise OSError("the disk is gone")
            return await super().remove(digest)

    failing = Failing(Turns(), tmp_path / "artifacts")
    registry = Registry(world.registry.database, failing, clock=world.clock, public_url="")
    with pytest.raises(OSError, match="gone"):
        await collect(registry)
    await failing.close()

    def condemned(view: View) -> list[str]:
        return list(view.connection.execute(select(blobs.c.digest).where(blobs.c.condemned_at.is_not(None))).scalars())

    assert await world.look("ada", condemned) == []
    assert await world.look("ada", known) == set(digests[1:])
    assert collected(await collect(world.registry)) == set(digests[1:])

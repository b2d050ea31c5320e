"""What was acknowledged before a backup began is in it, and comes back: elsewhere, checked, on either database."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import IntegrityError

from registry_service.app import now
from registry_service.care import backup
from registry_service.care.backup import MANIFEST, BackedUp, back_up, restore, snapshots
from registry_service.care.fsck import check_registry
from registry_service.client import CursorFromOtherEpoch, Metadata, RegistryClient
from registry_service.db.engine import open_database
from registry_service.db.sqlite import create_engine
from registry_service.domain.errors import Conflict, DatabaseUnavailable, InvalidInput
from registry_service.domain.manifest import digest_of
from registry_service.storage.filesystem import FilesystemStore
from tests.care.lived import live
from tests.fixtures_database import ON_BOTH, PostgresServer
from tests.service_fixture import RunningService, settings_for
from tests.services.world import HOUR, MINUTE, World

WRITERS = 8

T = TypeVar("T")


@pytest.fixture(params=ON_BOTH)
async def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database to restore into, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'other' / 'registry.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = await server.create()
    yield server.url(name)
    await server.drop(name)


class Writers:
    """Register version after version, and remember what was acknowledged."""

    def __init__(self, service: RunningService) -> None:
        self.acknowledged: list[tuple[str, int, bytes]] = []
        self._service = service
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        while len(self.acknowledged) < count:
            time.sleep(0.05)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _write(self, number: int) -> None:
        directory = self._service.home.parent / f"writer-{number}"
        directory.mkdir()
        with RegistryClient(self._service.url, self._service.person) as registry:
            count = 0
            while not self._stop.is_set():
                count += 1
                content = f"version {count} of writer {number}".encode()
                (directory / "model.bin").write_bytes(content)
                metadata = Metadata(metrics={"count": count})
                version = registry.register(f"model-{number}", directory, metadata=metadata)
                self.acknowledged.append((version.model_name, version.number, content))


async def backed_up_under_load(
    service: RunningService, directory: Path
) -> tuple[BackedUp, list[tuple[str, int, bytes]]]:
    """The backup, and what was acknowledged before it began."""
    writers = Writers(service)
    writers.start()
    try:
        await asyncio.to_thread(writers.wait_for, 40)
        before = list(writers.acknowledged)
        store = FilesystemStore(service.home / "artifacts")
        made = await back_up(service.settings.database_url, store, directory, now=now())
        await store.close()
        during = len(writers.acknowledged)
    finally:
        await asyncio.to_thread(writers.stop)
    assert during > len(before), "the writers went on meanwhile"
    return made, before


async def test_a_backup_under_load_restores_all_that_was_acknowledged_before(
    service_on: RunningService, tmp_path: Path, other_url: str
) -> None:
    made, before = await backed_up_under_load(service_on, tmp_path / "backup")
    assert made.missing == [] and made.copied == made.artifacts >= len(before)
    with RegistryClient(service_on.url, service_on.person) as registry:
        old_cursor = registry.read_events(after="latest").cursor
    token = service_on.person

    artifacts = FilesystemStore(tmp_path / "other" / "artifacts")
    done = await restore(other_url, artifacts, tmp_path / "backup", now=now)
    await artifacts.close()
    assert (done.missing, done.report.faults, done.last_event) == ([], [], made.last_event)

    other = RunningService(settings_for(tmp_path / "other", database_url=other_url))
    await asyncio.to_thread(other.start)
    try:
        await asyncio.to_thread(_all_there, other, token, before, old_cursor)
    finally:
        await asyncio.to_thread(other.stop)


async def inspect_at_many_moments(url: str, look: Callable[[Connection], T]) -> T:
    """A planted bug: each statement sees what is committed by then, and not what the one before it saw."""

    def looked() -> T:
        engine = create_engine(Path(make_url(url).database or ""), {"query_only": "ON"})
        event.listen(engine, "before_cursor_execute", lambda *_: time.sleep(0.05))
        with engine.connect() as connection:
            return look(connection)

    return await asyncio.to_thread(looked)


async def test_that_a_backup_of_many_moments_would_be_seen(
    service: RunningService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "inspect", inspect_at_many_moments)
    await backed_up_under_load(service, tmp_path / "backup")
    monkeypatch.undo()
    artifacts = FilesystemStore(tmp_path / "other" / "artifacts")
    try:
        done = await restore(f"sqlite:///{tmp_path / 'other' / 'registry.db'}", artifacts, tmp_path / "backup", now=now)
    except IntegrityError:
        return
    finally:
        await artifacts.close()
    assert done.report.faults or done.missing


def _all_there(other: RunningService, token: str, before: list[tuple[str, int, bytes]], old_cursor: str) -> None:
    with RegistryClient(other.url, token) as registry, other.http(token=token) as http:
        for model, number, content in before:
            answer = http.get(f"/api/v1/models/{model}/versions/{number}/files/model.bin")
            assert answer.content == content, (model, number)
        with pytest.raises(CursorFromOtherEpoch):
            registry.read_events(after=old_cursor)
        assert [e.kind for e in registry.read_events(after="start", kinds=["registry.*"]).events] == [
            "registry.restored"
        ]
        made = http.post("/api/v1/models", json={"name": "after"})
        assert made.status_code == httpx.codes.CREATED, made.text


async def test_whatever_a_registry_has_lived_through_comes_back(
    world: World, database_url: str, other_url: str, tmp_path: Path
) -> None:
    await live(world)
    first = await back_up(database_url, world.store, tmp_path / "backup", now=world.clock())
    await world.register(content=b"later")
    world.clock.advance(HOUR)
    second = await back_up(database_url, world.store, tmp_path / "backup", now=world.clock())
    assert (first.copied, second.copied, second.artifacts) == (5, 1, 6)
    assert snapshots(tmp_path / "backup") == [first.snapshot, second.snapshot]

    other = FilesystemStore(tmp_path / "other" / "artifacts")
    done = await restore(other_url, other, tmp_path / "backup", now=world.clock, snapshot=first.snapshot)
    assert (done.report.faults, done.artifacts) == ([], 5)
    report = await check_registry(other_url, other, deep=True)
    assert (report.faults, report.notes) == ([], [])
    with pytest.raises(Conflict, match="already holds"):
        await restore(other_url, other, tmp_path / "backup", now=world.clock)
    await other.close()

    database = open_database(other_url)
    await database.start()
    again = World(database, tmp_path / "other")
    again.clock.now = world.clock.now
    again._tokens = world._tokens
    assert (await again.current()) == (await world.current())
    assert [r.version for r in await again.history()] == [r.version for r in await world.history()]
    # Rows that are numbered by the database go on behind those that came.
    await again.check(2)
    await again.register(content=b"anew")
    await again.store.close()
    await database.stop()


async def test_bytes_that_the_store_has_lost_are_named_and_missed_after_a_restore(
    world: World, database_url: str, tmp_path: Path
) -> None:
    await world.registered(0)
    for content in (b"good", b"rotten"):
        await world.register(content=content)
    digest = digest_of(b"rotten").removeprefix("sha256:")
    (tmp_path / "artifacts" / "blobs" / "sha256" / digest[:2] / digest).write_bytes(b"Rotten")
    made = await back_up(database_url, world.store, tmp_path / "backup", now=world.clock())
    assert made.missing == [digest_of(b"rotten")]

    url = f"sqlite:///{tmp_path / 'other' / 'registry.db'}"
    other = FilesystemStore(tmp_path / "other" / "artifacts")
    done = await restore(url, other, tmp_path / "backup", now=world.clock)
    await other.close()
    assert done.missing == [digest_of(b"rotten")]
    assert {fault.code for fault in done.report.faults} == {"bytes_missing", "artifact_damaged"}


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_what_an_interrupted_backup_left_goes_with_the_next(
    world: World, database_url: str, tmp_path: Path
) -> None:
    await world.registered(1)
    directory = tmp_path / "backup"
    left = [directory / "artifacts" / "uploads" / "copy.0123456789abcdef", directory / "snapshots" / "1.partial" / "x"]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    await back_up(database_url, world.store, directory, now=world.clock())
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_backup_without_artifacts_relies_on_the_store(world: World, database_url: str, tmp_path: Path) -> None:
    await world.registered(2)
    made = await back_up(database_url, world.store, tmp_path / "backup", now=world.clock(), with_artifacts=False)
    assert (made.artifacts, made.copied, (tmp_path / "backup" / "artifacts").exists()) == (2, 0, False)
    url = f"sqlite:///{tmp_path / 'other' / 'registry.db'}"
    assert (await restore(url, world.store, tmp_path / "backup", now=world.clock)).report.sound


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_altered_bytes_in_the_store_give_way_to_the_backups(
    world: World, database_url: str, tmp_path: Path
) -> None:
    await world.registered(0)
    await world.register(content=b"good")
    digest = digest_of(b"good")
    await back_up(database_url, world.store, tmp_path / "backup", now=world.clock())
    name = digest.removeprefix("sha256:")
    stored = tmp_path / "artifacts" / "blobs" / "sha256" / name[:2] / name

    stored.write_bytes(b"Good")
    trusting = f"sqlite:///{tmp_path / 'trusting' / 'registry.db'}"
    await restore(trusting, world.store, tmp_path / "backup", now=world.clock, trust_store=True)
    assert stored.read_bytes() == b"Good"
    reading = f"sqlite:///{tmp_path / 'reading' / 'registry.db'}"
    done = await restore(reading, world.store, tmp_path / "backup", now=world.clock)
    assert (stored.read_bytes(), done.missing, done.report.sound) == (b"good", [], True)


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_altered_bytes_of_which_there_is_no_copy_are_missing_after_a_restore(
    world: World, database_url: str, tmp_path: Path
) -> None:
    await world.registered(0)
    await world.register(content=b"good")
    digest = digest_of(b"good")
    await back_up(database_url, world.store, tmp_path / "backup", now=world.clock(), with_artifacts=False)
    name = digest.removeprefix("sha256:")
    (tmp_path / "artifacts" / "blobs" / "sha256" / name[:2] / name).write_bytes(b"Good")
    url = f"sqlite:///{tmp_path / 'other' / 'registry.db'}"
    done = await restore(url, world.store, tmp_path / "backup", now=world.clock)
    assert (done.missing, done.report.sound) == ([digest], False)


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_second_backup_into_the_same_directory_waits_for_another_time(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """It would take what the first one has written so far for a leftover of one that was interrupted."""
    await world.registered(3)
    backup = tmp_path / "backup"
    outcomes = await asyncio.gather(
        *(back_up(database_url, world.store, backup, now=world.clock() + minute * MINUTE) for minute in range(3)),
        return_exceptions=True,
    )
    made = [outcome.snapshot for outcome in outcomes if isinstance(outcome, BackedUp)]
    assert snapshots(backup) == made
    assert len(made) == 1
    assert all(isinstance(outcome, BackedUp | DatabaseUnavailable) for outcome in outcomes)
    again = await back_up(database_url, world.store, backup, now=world.clock() + HOUR)
    assert snapshots(backup) == [*made, again.snapshot]


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_snapshot_that_is_not_whole_is_refused(world: World, database_url: str, tmp_path: Path) -> None:
    await world.registered(1)
    backup = tmp_path / "backup"
    made = await back_up(database_url, world.store, backup, now=world.clock())
    tables = backup / "snapshots" / made.snapshot
    url = f"sqlite:///{tmp_path / 'other' / 'registry.db'}"

    async def refused(snapshot: str | None = None) -> str:
        with pytest.raises(InvalidInput) as error:
            await restore(url, world.store, backup, now=world.clock, snapshot=snapshot)
        return error.value.message

    assert made.snapshot in await refused(snapshot="yesterday")
    versions = tables / "versions.jsonl.gz"
    whole = versions.read_bytes()
    versions.write_bytes(gzip.compress(gzip.decompress(whole).replace(b"[", b"[ ", 1)))
    assert "damaged (versions)" in await refused()
    versions.unlink()
    assert "damaged (versions)" in await refused()
    versions.write_bytes(whole)
    manifest = tables / MANIFEST
    text = manifest.read_text()
    manifest.write_text(text.replace('"revision": "', '"revision": "9'))
    assert "this release works with" in await refused()
    manifest.write_text("{")
    assert "can't be read" in await refused()
    manifest.unlink()
    assert "none that is whole" in await refused()
    assert not (tmp_path / "other" / "registry.db").exists()

"""Whatever changed in the store is found, told, taken out of use, and healed by whoever still has it."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from registry_service.care import scrub
from registry_service.care.fsck import check_registry, digest_there
from registry_service.care.gc import collect_step
from registry_service.care.reading import Pace, Unfinished
from registry_service.care.scrub import scrub_step
from registry_service.db.queries.uploads import get_upload
from registry_service.db.tables import blobs
from registry_service.db.view import View
from registry_service.domain.entities import ScrubStep
from registry_service.domain.errors import BeingCollected, InvalidDigest, InvalidInput, NotPermitted, UploadIncomplete
from registry_service.domain.manifest import digest_of
from registry_service.domain.requests import (
    CollectGarbage,
    NewManifestFile,
    NewUploadFile,
    RegisterVersion,
    Scrub,
    StartUpload,
)
from registry_service.services.collection import mark_damaged, next_suspects
from registry_service.services.registry import Registry
from registry_service.services.uploads import abort_upload, file_received, start_upload
from registry_service.services.versions import register_version
from registry_service.storage.filesystem import FilesystemStore
from tests.care.test_gc import Both
from tests.care.turns import orders, play
from tests.services.world import ADA, DAY, HOUR, World, _in_chunks


def path_of(directory: Path, content: bytes) -> Path:
    digest = digest_of(content).removeprefix("sha256:")
    return directory / "artifacts" / "blobs" / "sha256" / digest[:2] / digest


async def digest_in(world: World, digest: str) -> str | None:
    return None if await world.store.stat(digest) is None else (await digest_there(world.store, digest))[0]


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


async def read_all(registry: Registry, *, cursor: str | None = None, **body: int) -> list[ScrubStep]:
    unfinished = Unfinished()
    steps = [await scrub_step(registry, ADA, Scrub(cursor=cursor, **body), unfinished)]
    while steps[-1].cursor is not None:
        steps.append(await scrub_step(registry, ADA, Scrub(cursor=steps[-1].cursor, **body), unfinished))
    return steps


def manifest(content: bytes, upload: str | None = None) -> RegisterVersion:
    file = NewManifestFile(path="model.bin", digest=digest_of(content), size=len(content))
    return RegisterVersion(files=[file], upload=upload)


async def test_two_hundred_flipped_bytes_are_all_found(world: World, tmp_path: Path) -> None:
    rng = random.Random(7)
    await world.model()
    contents = [rng.randbytes(rng.randrange(1, 5000)) for _ in range(260)]
    for start in range(0, len(contents), 20):
        upload = await world.upload(*contents[start : start + 20])
        files = [
            NewManifestFile(path=f"{number}.bin", digest=digest_of(content), size=len(content))
            for number, content in enumerate(contents[start : start + 20])
        ]
        await world.act("airflow", register_version, "fraud", RegisterVersion(files=files, upload=upload))
    spoiled = rng.sample(contents, 200)
    for content in spoiled:
        flip(path_of(tmp_path, content), rng)

    steps = await read_all(world.registry)

    found = {damaged.digest: damaged for step in steps for damaged in step.damaged}
    assert found.keys() == {digest_of(content) for content in spoiled}
    assert sum(step.artifacts for step in steps) == 260
    assert sum(step.bytes for step in steps) == sum(map(len, contents))
    first = found[digest_of(spoiled[0])]
    assert first.versions == [f"fraud/{contents.index(spoiled[0]) // 20 + 1}"]
    assert first.actual not in {None, first.digest}
    assert await read_all(world.registry) == [
        ScrubStep(
            cursor=None, artifacts=60, bytes=sum(map(len, contents)) - sum(map(len, spoiled)), damaged=[], unhealed=200
        )
    ]


async def test_damaged_bytes_are_told_set_aside_and_healed_by_an_upload(
    world: World, database_url: str, tmp_path: Path
) -> None:
    await world.registered(1)
    for _ in range(2):
        await world.register(content=b"weights")
    path = path_of(tmp_path, b"weights")
    path.write_bytes(b"weighTs")

    [step] = await read_all(world.registry)

    assert [damaged.versions for damaged in step.damaged] == [["fraud/2", "fraud/3"]]
    [event] = await world.events("artifact.damaged")
    assert (event.model_name, event.subject, event.data["versions"]) == ("fraud", digest_of(b"weights"), [2, 3])
    assert event.revision == (await world.version(1)).revision
    [aside] = (tmp_path / "artifacts" / "damaged").iterdir()
    assert aside.read_bytes() == b"weighTs"
    report = await check_registry(database_url, world.store)
    assert {fault.code for fault in report.faults} == {"artifact_damaged", "bytes_missing"}
    [again] = await read_all(world.registry)
    assert (step.unhealed, again.unhealed, again.damaged) == (1, 1, []), "an earlier scrub found it, and it's still so"

    with pytest.raises(UploadIncomplete):
        await world.act("airflow", register_version, "fraud", manifest(b"weights"))
    await world.register(content=b"weights")

    assert [event.subject for event in await world.events("artifact.healed")] == [digest_of(b"weights")]
    assert [step.unhealed for step in await read_all(world.registry)] == [0]
    assert (await check_registry(database_url, world.store, deep=True)).faults == []
    assert path.read_bytes() == b"weights"


async def test_bytes_that_are_gone_are_damaged_too(world: World, database_url: str, tmp_path: Path) -> None:
    await world.registered(0)
    await world.register(content=b"weights")
    path_of(tmp_path, b"weights").unlink()
    [step] = await read_all(world.registry)
    assert [(damaged.digest, damaged.actual) for damaged in step.damaged] == [(digest_of(b"weights"), None)]
    await world.register(content=b"weights")
    assert (await check_registry(database_url, world.store)).sound


async def test_what_an_open_upload_had_brought_is_asked_for_again(world: World, tmp_path: Path) -> None:
    await world.model()
    upload = await world.upload(b"weights")
    path_of(tmp_path, b"weights").write_bytes(b"weighTs")
    await read_all(world.registry)
    assert [event.model_name for event in await world.events("artifact.damaged")] == [None]
    assert (await world.look("airflow", get_upload, upload)).missing == [digest_of(b"weights")]
    with pytest.raises(UploadIncomplete):
        await world.act("airflow", register_version, "fraud", manifest(b"weights", upload))


async def test_damaged_bytes_that_nobody_needs_are_collected(world: World, tmp_path: Path) -> None:
    await world.model()
    await world.act("airflow", abort_upload, await world.upload(b"weights"))
    path_of(tmp_path, b"weights").write_bytes(b"weighTs")
    await read_all(world.registry)
    world.clock.advance(DAY)
    step = await collect_step(world.registry, ADA, CollectGarbage(grace=0, cursor="sweep:"))
    assert [artifact.digest for artifact in step.collected] == [digest_of(b"weights")]
    step = await collect_step(world.registry, ADA, CollectGarbage(grace=0, cursor="sweep:"))
    assert step.collected == []


async def test_bytes_found_damaged_while_they_were_sent_are_not_acknowledged(world: World, tmp_path: Path) -> None:
    """The upload found them there, of the right size, and wrote nothing."""

    await world.registered(0)
    await world.register(content=b"weights")
    path_of(tmp_path, b"weights").write_bytes(b"weighTs")
    await read_all(world.registry)
    files = [NewUploadFile(digest=digest_of(b"weights"), size=7)]
    session = await world.act("airflow", start_upload, StartUpload(model="fraud", files=files))
    for seen in (None, world.clock.now - HOUR):
        with pytest.raises(BeingCollected):
            await world.act("airflow", file_received, session.id, digest_of(b"weights"), seen_damaged=seen)


async def test_a_scrub_that_slept_since_it_read_marks_nothing_that_came_since(world: World, tmp_path: Path) -> None:
    await world.registered(0)
    await world.register(content=b"weights")
    path_of(tmp_path, b"weights").write_bytes(b"weighTs")
    [suspect] = await world.look("ada", next_suspects, after="", limit=1)
    await read_all(world.registry)
    world.clock.advance(HOUR)
    await world.register(content=b"weights")
    assert (await world.act("ada", mark_damaged, suspect)).artifacts == []
    assert path_of(tmp_path, b"weights").read_bytes() == b"weights"


async def test_beside_an_upload_no_order_of_steps_leaves_damage_unknown(world: World, tmp_path: Path) -> None:
    await world.model()
    airflow = await world.actor("airflow")

    def marked(view: View) -> set[str]:
        return set(view.connection.execute(select(blobs.c.digest).where(blobs.c.damaged_at.is_not(None))).scalars())

    wrong = []
    healed = 0
    for number, order in enumerate(orders(3, 6)):
        content = f"content of order {number}".encode()
        await world.act("airflow", abort_upload, await world.upload(content))
        path_of(tmp_path, content).write_bytes(content.upper())
        world.clock.advance(DAY)
        [suspect] = [
            s for s in await world.look("ada", next_suspects, after="", limit=500) if s.digest == digest_of(content)
        ]
        both = Both(world, tmp_path, content)

        both.collector.start(scrub._set_aside(both.collecting, suspect))
        both.uploader.start(both.upload(airflow))
        await play(order, both.collector, both.uploader)
        await both.close()
        good = (
            await world.store.stat(both.digest) == len(content) and path_of(tmp_path, content).read_bytes() == content
        )
        known = both.digest in await world.look("ada", marked)
        healed += good
        if good == known:
            wrong.append(order)
    assert wrong == []
    assert healed > 40


async def test_a_scrub_goes_on_where_the_last_one_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.registered(7)
    monkeypatch.setattr(scrub, "LOOKED_AT_ONCE", 3)
    first = await scrub_step(world.registry, ADA, Scrub(), Unfinished())
    assert first.artifacts == 3 and first.cursor is not None
    assert sum(step.artifacts for step in await read_all(world.registry)) == 4
    assert sum(step.artifacts for step in await read_all(world.registry)) == 7
    await scrub_step(world.registry, ADA, Scrub(), Unfinished())
    assert sum(step.artifacts for step in await read_all(world.registry, cursor="start")) == 7


async def test_a_fault_of_the_memory_is_no_damage(world: World, tmp_path: Path) -> None:
    await world.registered(0)
    await world.register(content=b"weights")

    class OnceWrong(FilesystemStore):
        reads = 0

        async def open_range(self, digest: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
            self.reads += 1
            return _in_chunks(b"weighTs") if self.reads == 1 else await super().open_range(digest, start, stop)

    store = OnceWrong(tmp_path / "artifacts")
    [step] = await read_all(Registry(world.registry.database, store, clock=world.clock, public_url=""))
    await store.close()
    assert (step.artifacts, step.damaged, store.reads) == (1, [], 2)


async def test_reading_keeps_below_its_rate() -> None:
    began = time.monotonic()
    pace = Pace(1_000_000, 60)
    for _ in range(30):
        await pace.read(10_000)
    assert time.monotonic() - began >= 0.29


async def test_a_scrub_is_an_admins_and_takes_no_nonsense(world: World) -> None:
    with pytest.raises(NotPermitted):
        await scrub_step(world.registry, await world.actor("ben"), Scrub(), Unfinished())
    for body in (Scrub(seconds=0), Scrub(seconds=31), Scrub(rate=0)):
        with pytest.raises(InvalidInput):
            await scrub_step(world.registry, ADA, body, Unfinished())
    with pytest.raises(InvalidDigest):
        await scrub_step(world.registry, ADA, Scrub(cursor="nowhere"), Unfinished())

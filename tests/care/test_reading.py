"""A scrub whose steps end in the middle of an artifact: bounded, and fooled by nothing that happens between them."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from registry_service.care.reading import KEPT_READINGS, KEPT_SECONDS, Pace, Reading, Unfinished
from registry_service.care.scrub import scrub_step
from registry_service.domain.entities import ScrubStep
from registry_service.domain.errors import StorageUnavailable
from registry_service.domain.manifest import digest_of
from registry_service.domain.requests import Scrub
from registry_service.services.collection import Suspect
from registry_service.services.registry import Registry
from registry_service.storage.base import ArtifactStore
from registry_service.storage.filesystem import FilesystemStore
from registry_service.storage.system_calls import FileSystemCalls
from tests.care.test_scrub import path_of
from tests.services.world import ADA, MINUTE, START, World, _in_chunks
from tests.storage.conftest import kind, store

__all__ = ["kind", "store"]

CONTENT = b"ten bytes."
SIX: Scrub = Scrub(rate=6, seconds=1)
"""A step that reads six bytes."""


async def with_one(world: World, content: bytes = CONTENT) -> None:
    await world.registered(0)
    await world.register(content=content)


async def step_of(world: World, unfinished: Unfinished, body: Scrub = SIX) -> ScrubStep:
    return await scrub_step(world.registry, ADA, body, unfinished)


def found(step: ScrubStep) -> list[str]:
    return [damaged.digest for damaged in step.damaged]


class CountingCalls(FileSystemCalls):
    def __init__(self) -> None:
        self.bytes_read = 0

    @override
    def read(self, descriptor: int, length: int, position: int) -> bytes:
        piece = super().read(descriptor, length, position)
        self.bytes_read += len(piece)
        return piece


async def test_a_step_over_a_huge_artifact_reads_no_more_than_its_time_and_rate_allow(
    world: World, tmp_path: Path
) -> None:
    await with_one(world)
    os.truncate(path_of(tmp_path, CONTENT), 10 * 2**30)
    calls = CountingCalls()
    store = FilesystemStore(tmp_path / "artifacts", calls=calls)
    registry = Registry(world.registry.database, store, clock=world.clock, public_url="")
    unfinished = Unfinished()
    cursor = None
    for rate, most in ((3_000_000, 3_000_000), (10, 10), (None, 9 * 2**30)):
        before, began = calls.bytes_read, time.monotonic()
        step = await scrub_step(registry, ADA, Scrub(cursor=cursor, rate=rate, seconds=1), unfinished)
        assert 0 < calls.bytes_read - before == step.bytes <= most
        assert 0.99 <= time.monotonic() - began < 10
        assert (step.artifacts, step.damaged) == (0, [])
        cursor = step.cursor
        assert cursor is not None
    await store.close()


async def test_steps_end_in_the_middle_and_go_on_there(world: World) -> None:
    await with_one(world)
    unfinished = Unfinished()
    first = await step_of(world, unfinished)
    second = await step_of(world, unfinished, Scrub(cursor=first.cursor, rate=6, seconds=1))
    assert (first.artifacts, first.bytes, first.damaged) == (0, 6, [])
    assert second == ScrubStep(cursor=None, artifacts=1, bytes=4, damaged=[])


async def test_after_a_restart_an_artifact_begins_anew(world: World, tmp_path: Path) -> None:
    await with_one(world)
    await step_of(world, Unfinished())
    path_of(tmp_path, CONTENT).write_bytes(b"TEN BYTES.")
    steps = [await step_of(world, unfinished := Unfinished())]
    while steps[-1].cursor is not None:
        steps.append(await step_of(world, unfinished))
    assert found(steps[-1]) == [digest_of(CONTENT)]
    assert sum(step.bytes for step in steps) == len(CONTENT), "the second reading isn't counted"
    assert len(steps) == 4


class ByDigestAlone(Unfinished):
    """A planted bug: what is kept survives that other bytes take the place of those that were read."""

    @override
    def take(self, suspect: Suspect) -> Reading:
        return super().take(Suspect(suspect.digest, suspect.size, START))

    @override
    def keep(self, suspect: Suspect, reading: Reading) -> None:
        super().keep(Suspect(suspect.digest, suspect.size, START), reading)


@pytest.mark.parametrize(("kind_of_memory", "seen"), [(Unfinished, True), (ByDigestAlone, False)])
async def test_bytes_that_were_replaced_in_between_are_read_from_the_first_on(
    world: World, tmp_path: Path, kind_of_memory: type[Unfinished], seen: bool
) -> None:
    unfinished = kind_of_memory()
    await world.model()
    await world.upload(CONTENT)
    assert (await step_of(world, unfinished)).bytes == 6
    world.clock.advance(MINUTE)
    # Another upload brings the bytes again, and these rot, where the first ones had been read.
    await world.upload(CONTENT)
    path_of(tmp_path, CONTENT).write_bytes(b"Ten bytes.")
    steps = [await step_of(world, unfinished)]
    while steps[-1].cursor is not None:
        steps.append(await step_of(world, unfinished))
    assert ([digest_of(CONTENT)] in map(found, steps)) == seen


async def test_what_was_shortened_in_between_is_found(world: World, tmp_path: Path) -> None:
    await with_one(world)
    unfinished = Unfinished()
    await step_of(world, unfinished)
    os.truncate(path_of(tmp_path, CONTENT), 5)
    step = await step_of(world, unfinished)
    step = await step_of(world, unfinished) if step.cursor else step
    assert found(step) == [digest_of(CONTENT)]


async def test_what_has_grown_is_found(world: World, tmp_path: Path) -> None:
    await with_one(world)
    path_of(tmp_path, CONTENT).write_bytes(CONTENT + b".")
    assert found(await step_of(world, Unfinished(), Scrub())) == [digest_of(CONTENT)]


async def test_what_went_in_between_is_found(world: World, tmp_path: Path) -> None:
    await with_one(world)
    unfinished = Unfinished()
    await step_of(world, unfinished)
    path_of(tmp_path, CONTENT).unlink()
    step = await step_of(world, unfinished)
    assert [(damaged.digest, damaged.actual) for damaged in step.damaged] == [(digest_of(CONTENT), None)]


@pytest.mark.parametrize("rotten", [False, True])
async def test_two_scrubs_at_once_leave_each_other_alone(store: ArtifactStore, rotten: bool) -> None:
    content = random.Random(3).randbytes(3_000_000)
    digest = digest_of(content)
    await store.receive("up", _in_chunks(content), expected=digest, size=len(content))
    suspect = Suspect(digest if not rotten else digest_of(b"what it was"), len(content), START)
    unfinished = Unfinished()
    outcomes: list[str | None] = []

    class Elsewhere:
        """The store, where the suspect's digest leads to these bytes."""

        async def stat(self, _: str) -> int | None:
            return await store.stat(digest)

        async def open_range(self, _: str, start: int, stop: int) -> AsyncIterator[bytes]:
            return await store.open_range(digest, start, stop)

    async def scrub(rate: int) -> None:
        while True:
            reading = unfinished.take(suspect)
            await reading.go_on(Elsewhere(), Pace(rate, 0.02))  # type: ignore[arg-type] # all that a reading asks
            if reading.over:
                outcomes.append(reading.actual)
                return
            unfinished.keep(suspect, reading)

    await asyncio.gather(scrub(40_000_000), scrub(25_000_000))
    assert outcomes == [digest, digest]


async def test_a_store_that_fails_for_a_moment_costs_no_reading(world: World, tmp_path: Path) -> None:
    class Failing(FilesystemStore):
        fails = True

        @override
        async def open_range(self, digest: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
            if start and self.fails:
                raise StorageUnavailable("It is away.")
            return await super().open_range(digest, start, stop)

    await with_one(world)
    store = Failing(tmp_path / "artifacts")
    registry = Registry(world.registry.database, store, clock=world.clock, public_url="")
    unfinished = Unfinished()
    await scrub_step(registry, ADA, SIX, unfinished)
    with pytest.raises(StorageUnavailable):
        await scrub_step(registry, ADA, SIX, unfinished)
    store.fails = False
    assert (await scrub_step(registry, ADA, SIX, unfinished)).bytes == 4
    await store.close()


async def test_a_bounded_number_is_kept_for_a_bounded_time() -> None:
    now = 0.0
    unfinished = Unfinished(clock=lambda: now)
    suspects = [Suspect(digest_of(bytes([number])), 1, START) for number in range(KEPT_READINGS + 1)]
    readings = [Reading(suspect.digest) for suspect in suspects]
    for suspect, reading in zip(suspects, readings, strict=True):
        unfinished.keep(suspect, reading)
    assert unfinished.take(suspects[0]) is not readings[0], "the oldest had to go"
    assert unfinished.take(suspects[1]) is readings[1]
    assert unfinished.take(suspects[1]) is not readings[1], "somebody has it"
    now = KEPT_SECONDS + 1
    assert unfinished.take(suspects[2]) is not readings[2], "what it read may have rotted since"


async def test_of_twins_the_further_reading_is_kept(world: World) -> None:
    await with_one(world)
    suspect = Suspect(digest_of(CONTENT), len(CONTENT), START)
    near, far = Reading(suspect.digest), Reading(suspect.digest)
    await near.go_on(world.store, Pace(2, 1))
    await far.go_on(world.store, Pace(4, 1))
    for order in ([near, far], [far, near]):
        unfinished = Unfinished()
        for reading in order:
            unfinished.keep(suspect, reading)
        assert unfinished.take(suspect) is far

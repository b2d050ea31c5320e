"""One stream and the one reader of the log, step by step, on each database: where the two meet, nothing is lost or
doubled; and who doesn't fetch is not waited for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from registry_service.db.database import Database
from registry_service.db.queries.events import begin_stream
from registry_service.domain.entities import EventPage
from registry_service.domain.events import EVERY_EVENT, Cursor
from registry_service.domain.requests import CreateModel
from registry_service.services.models import create_model
from registry_service.web.streams.broadcast import Broadcast
from registry_service.web.streams.frames import Ending
from registry_service.web.streams.reader import Reader
from registry_service.web.streams.stream import EventStream, cursor_of
from tests.services.world import World


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    world = World(database, tmp_path)
    await world.open()
    yield world
    world.registry.stop_waiting()
    await world.store.close()


class Line:
    """What a server gives an application; `stuck`: nothing is fetched from here on."""

    def __init__(self) -> None:
        self.body = b""
        self.done = False
        self.gone = asyncio.Event()
        self.flowing = asyncio.Event()
        self.flowing.set()

    async def send(self, message: Any) -> None:
        await self.flowing.wait()
        self.body += message.get("body", b"")
        self.done = message.get("more_body") is False

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    @property
    def seqs(self) -> list[int]:
        return [int(seq) for seq in re.findall(rb'data: \{"seq":(\d+)', self.body)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - whatever it is that changes
            await asyncio.sleep(0.01)


async def make(world: World, *names: str) -> None:
    for name in names:
        await world.act("carl", create_model, CreateModel(name=name))


async def beginning(world: World, after: str) -> tuple[EventPage, Cursor]:
    return await world.look("ada", begin_stream, after=after, consumer=None, wanted=EVERY_EVENT, limit=200)


async def open_stream(
    world: World, broadcast: Broadcast, page: EventPage, end: Cursor, **bounds: Any
) -> tuple[Line, Reader, asyncio.Task[None]]:
    line, reader = Line(), Reader(await world.actor("ada"), EVERY_EVENT, heartbeat=60, **bounds)
    broadcast.enter(reader, end)
    stream = EventStream(reader, page, registry=world.registry, broadcast=broadcast, seconds=None)
    return line, reader, asyncio.create_task(stream({}, line.receive, line.send))


async def test_what_the_database_had_already_is_not_told_again(world: World) -> None:
    """The page reaches further than the broadcast, which then tells the same events."""

    _, behind = await beginning(world, "latest")
    await make(world, "a", "b")
    page, _ = await beginning(world, str(behind))
    broadcast = Broadcast(world.registry)
    line, _, task = await open_stream(world, broadcast, page, behind)
    await make(world, "c")
    await until(lambda: len(line.seqs) >= 3)
    assert line.seqs == [behind.seq + 1, behind.seq + 2, behind.seq + 3]
    line.gone.set()
    await task
    assert broadcast.streams == 0


async def test_what_the_broadcast_has_told_already_comes_from_the_database(world: World) -> None:
    page, behind = await beginning(world, "latest")
    await make(world, "a", "b")
    _, end = await beginning(world, "latest")
    broadcast = Broadcast(world.registry)
    line, _, task = await open_stream(world, broadcast, page, end)
    await make(world, "c")
    await until(lambda: len(line.seqs) >= 3)
    assert cursor_of(page) == behind
    assert line.seqs == [behind.seq + 1, behind.seq + 2, behind.seq + 3]
    line.gone.set()
    await task


async def test_one_query_reads_for_all_streams(world: World) -> None:
    page, end = await beginning(world, "latest")
    broadcast = Broadcast(world.registry)
    streams = [await open_stream(world, broadcast, page, end) for _ in range(20)]
    await until(lambda: all(b"events follow" in line.body for line, _, _ in streams))
    await make(world, "a")
    await until(lambda: all(line.seqs == [end.seq + 1] for line, _, _ in streams))
    assert broadcast.streams == 20
    await broadcast.close()
    await asyncio.gather(*(task for _, _, task in streams))
    assert all(line.done and line.body.endswith(b"connect again with the last id\n\n") for line, _, _ in streams)


async def test_who_fetches_nothing_is_dropped_with_a_last_word_and_holds_nothing(world: World) -> None:
    page, end = await beginning(world, "latest")
    broadcast = Broadcast(world.registry)
    slow, reader, slow_task = await open_stream(world, broadcast, page, end, max_events=3)
    quick, _, task = await open_stream(world, broadcast, page, end)
    await until(lambda: b"events follow" in slow.body and b"events follow" in quick.body)
    slow.flowing.clear()
    await make(world, *"abcdefgh")
    await until(lambda: len(quick.seqs) == 8)
    assert reader.ended is Ending.DROPPED and reader.take() is None
    slow.flowing.set()
    await slow_task
    assert slow.done and b"dropped: too slow" in slow.body
    assert slow.seqs == quick.seqs[: len(slow.seqs)], "what was fetched was in order"
    quick.gone.set()
    await task


async def test_who_stays_stuck_is_cut_off(world: World) -> None:
    page, end = await beginning(world, "latest")
    broadcast = Broadcast(world.registry)
    slow, _, task = await open_stream(world, broadcast, page, end, max_events=3, grace=0.2)
    await until(lambda: b"events follow" in slow.body)
    slow.flowing.clear()
    await make(world, *"abcdefgh")
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert broadcast.streams == 0

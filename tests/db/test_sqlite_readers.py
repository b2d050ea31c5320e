from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection

from registry_service.db.patience import PATIENCE_WITH_SEARCHES_S
from registry_service.db.sqlite_readers import Reader, ReaderThreads
from registry_service.domain.errors import Overloaded


def connect() -> Connection:
    raise AssertionError("nothing is read from a file here")


def quick(_reader: Reader) -> str:
    return "answered"


@pytest.fixture
async def threads() -> AsyncIterator[ReaderThreads]:
    started = ReaderThreads(connect, count=3, time_limit=1)
    started.start()
    yield started
    await asyncio.wait_for(started.stop(), 30)


async def test_slow_reads_hold_up_no_other_while_a_thread_is_free(threads: ReaderThreads) -> None:
    slow = [asyncio.create_task(threads.search(lambda _: time.sleep(2))) for _ in range(2)]
    await asyncio.sleep(0.05)
    for _ in range(20):
        assert await threads.read(quick) == "answered"
    assert not any(task.done() for task in slow), "the short reads waited for a slow one"
    await asyncio.gather(*slow)


async def test_after_a_slow_read_all_goes_on_as_before(threads: ReaderThreads) -> None:
    for _ in range(3):
        slow = asyncio.create_task(threads.search(lambda _: time.sleep(0.1)))
        await asyncio.sleep(0.01)
        assert await asyncio.gather(*(threads.read(quick) for _ in range(100))) == ["answered"] * 100
        await slow


async def test_what_was_asked_is_answered_before_the_end(threads: ReaderThreads) -> None:
    waiting = [asyncio.create_task(threads.search(lambda _: time.sleep(0.1))) for _ in range(6)]
    await asyncio.sleep(0)
    await asyncio.wait_for(threads.stop(), 30)
    await asyncio.gather(*waiting)


async def test_searches_without_number_hold_up_no_other_read(threads: ReaderThreads) -> None:
    slow = [asyncio.create_task(threads.search(lambda _: time.sleep(0.3))) for _ in range(12)]
    await asyncio.sleep(0.05)
    took = []
    for _ in range(20):
        begun = time.monotonic()
        assert await threads.read(quick) == "answered"
        took.append(time.monotonic() - begun)
        await asyncio.sleep(0.01)
    assert sum(task.done() for task in slow) < 6, "the searches were still under way"
    assert sorted(took)[10] < 0.15, took
    await asyncio.gather(*slow)


async def test_searches_are_refused_where_others_wait_too_long(threads: ReaderThreads) -> None:
    slow = [asyncio.create_task(threads.search(lambda _: time.sleep(0.6))) for _ in range(12)]
    await asyncio.sleep(PATIENCE_WITH_SEARCHES_S + 0.3)
    with pytest.raises(Overloaded):
        await threads.search(quick)
    assert await threads.read(quick) == "answered"
    await asyncio.gather(*slow)
    assert await threads.search(quick) == "answered"


async def test_a_search_that_waited_too_long_is_not_begun() -> None:
    alone = ReaderThreads(connect, count=1, time_limit=5, longest_wait=0.2)
    alone.start()
    searches = [alone.search(lambda _: time.sleep(0.15)) for _ in range(4)]
    ended = await asyncio.gather(*searches, return_exceptions=True)
    assert [type(one) for one in ended] == [type(None), type(None), Overloaded, Overloaded]
    await alone.stop()


async def test_one_thread_answers_all() -> None:
    alone = ReaderThreads(connect, count=1, time_limit=1)
    alone.start()
    slow = asyncio.create_task(alone.search(lambda _: time.sleep(0.05)))
    assert await asyncio.gather(*(alone.read(quick) for _ in range(10))) == ["answered"] * 10
    await slow
    await asyncio.wait_for(alone.stop(), 30)

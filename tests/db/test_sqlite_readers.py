from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection

from registry_service.db.sqlite_readers import Reader, ReaderThreads


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
    slow = [asyncio.create_task(threads.submit(lambda _: time.sleep(2))) for _ in range(2)]
    await asyncio.sleep(0.05)
    for _ in range(20):
        assert await threads.submit(quick) == "answered"
    assert not any(task.done() for task in slow), "the short reads waited for a slow one"
    await asyncio.gather(*slow)


async def test_after_a_slow_read_all_goes_on_as_before(threads: ReaderThreads) -> None:
    for _ in range(3):
        slow = asyncio.create_task(threads.submit(lambda _: time.sleep(0.1)))
        await asyncio.sleep(0.01)
        assert await asyncio.gather(*(threads.submit(quick) for _ in range(100))) == ["answered"] * 100
        await slow


async def test_what_was_asked_is_answered_before_the_end(threads: ReaderThreads) -> None:
    waiting = [asyncio.create_task(threads.submit(lambda _: time.sleep(0.1))) for _ in range(6)]
    await asyncio.sleep(0)
    await asyncio.wait_for(threads.stop(), 30)
    await asyncio.gather(*waiting)

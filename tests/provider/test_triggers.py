from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from airflow_provider.triggers.approvals import PromotionTrigger, RegistryReachableTrigger
from airflow_provider.triggers.feed import EventFeed
from registry_service.client import AsyncRegistryClient, Event, EventPage
from tests.provider.values import a_promotion

pytestmark = pytest.mark.anyio


def test_a_trigger_is_rebuilt_from_what_it_says_of_itself() -> None:
    trigger = PromotionTrigger(
        promotion="promotion-1", model_name="churn", holder="airflow:d/r", registry_conn_id="model_registry_default"
    )
    assert trigger.serialize() == (
        "airflow_provider.triggers.approvals.PromotionTrigger",
        {
            "promotion": "promotion-1",
            "model_name": "churn",
            "holder": "airflow:d/r",
            "registry_conn_id": "model_registry_default",
        },
    )
    assert RegistryReachableTrigger(registry_conn_id="mine").serialize() == (
        "airflow_provider.triggers.approvals.RegistryReachableTrigger",
        {"registry_conn_id": "mine"},
    )


class Log:
    """A registry that knows only its event log and one promotion."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.epoch = "a"
        self.is_away = False
        self.long_polls = 0
        self.promotion = a_promotion()
        self.changed = asyncio.Event()

    def append(self, model_name: str | None) -> None:
        self.events.append(
            Event(
                seq=len(self.events) + 1, at=datetime.now(UTC), kind="promotion.approved", actor="alice",
                model_name=model_name, revision=1, subject="promotion-1", data={},
            )
        )  # fmt: skip
        self.changed.set()

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if self.is_away:
            raise httpx.ConnectError("nobody there")
        if "/promotions/" in request.url.path:
            return httpx.Response(200, content=msgspec.json.encode(self.promotion))
        query = request.url.params
        after = query["after"]
        if after != "latest" and not after.startswith(self.epoch):
            problem = {"code": "cursor_from_other_epoch", "detail": "another log", "title": "", "details": {}}
            return httpx.Response(409, json=problem, headers={"Content-Type": "application/problem+json"})
        seen = len(self.events) if after == "latest" else int(after.split("-")[1])
        if "wait" in query and not self.events[seen:]:
            self.long_polls += 1
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 5)
            if self._is_gone(after):
                raise httpx.ReadError("gone")
        page = EventPage(events=self.events[seen:], cursor=f"{self.epoch}-{len(self.events)}")
        return httpx.Response(200, content=msgspec.json.encode(page))

    def _is_gone(self, cursor: str) -> bool:
        return self.is_away or not cursor.startswith(self.epoch)


def a_feed(log: Log) -> EventFeed:
    client = AsyncRegistryClient("http://registry", "token", retries=0, transport=httpx.MockTransport(log.answer))
    return EventFeed(client)


@asynccontextmanager
async def followed(feed: EventFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await feed.client.aclose()


async def is_woken(subscription: Any, within: float = 2.0) -> bool:
    began = time.monotonic()
    await subscription.wait(within)
    return time.monotonic() - began < within


async def test_an_event_of_the_model_wakes_and_one_of_another_does_not() -> None:
    log = Log()
    feed = a_feed(log)
    async with followed(feed), feed.subscribed("churn") as churn, feed.subscribed("fraud") as fraud:
        assert await is_woken(churn) and await is_woken(fraud)  # the feed has its place in the log
        log.append("churn")
        assert await is_woken(churn)
        assert not await is_woken(fraud, within=0.2)
        log.append(None)  # a policy changed, which concerns everybody
        assert await is_woken(churn) and await is_woken(fraud)
    assert log.long_polls <= 3


async def test_what_happened_before_the_feed_had_its_place_is_looked_for() -> None:
    log = Log()
    log.is_away = True
    feed = a_feed(log)
    async with followed(feed), feed.subscribed("churn") as churn:
        assert not await is_woken(churn, within=0.2)
        log.append("churn")
        log.is_away = False
        assert await is_woken(churn, within=4)


async def test_an_outage_does_not_lose_what_happened_meanwhile() -> None:
    log = Log()
    feed = a_feed(log)
    async with followed(feed), feed.subscribed("churn") as churn:
        assert await is_woken(churn)
        await asyncio.sleep(0.05)
        log.is_away = True
        log.append("churn")
        assert not await is_woken(churn, within=0.3)
        log.is_away = False
        assert await is_woken(churn, within=4)


async def test_a_reset_log_wakes_everybody() -> None:
    log = Log()
    feed = a_feed(log)
    async with followed(feed), feed.subscribed("churn") as churn:
        assert await is_woken(churn)
        log.epoch, log.events = "b", []
        log.changed.set()
        assert await is_woken(churn, within=4)

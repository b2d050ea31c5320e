"""Waiting for a promotion without holding a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider.exceptions import in_words, is_passing
from airflow_provider.hooks.registry import ModelRegistryHook
from airflow_provider.triggers.feed import EventFeed, shared_feed, spread
from airflow_provider.verdicts import Judgement, Verdict, judge
from registry_service.client import Promotion, RegistryError

# How long it may take to see what no event announces. Events wake within a second.
LOOK_AGAIN: Final = 300.0
PAUSE_AFTER_ERROR: Final = 15.0
# A task that is woken before the scheduler has heard of the end of the worker that parked it is failed by Airflow
# ("the task instance's state attribute is queued"). It hears of that once per loop, and on a busy machine a loop of
# 3.3.2 took five seconds. Nobody who decides this soon after the request is kept waiting by it for long.
PARKED_AFTER: Final = 6.0


class PromotionTrigger(BaseTrigger):
    """Fires when the wait for a promotion is over, one way or the other.

    The event says only that it is time to look: `{"status": "decided", "promotion": <id>}`, or `{"status": "refused",
    …, "message": <why>}` where the registry won't ever tell. The task judges by itself.

    :param promotion: the promotion's id.
    :param model_name: its model.
    :param holder: the run that waits; its own lease doesn't stand in the way.
    :param registry_conn_id: the Airflow connection of the registry.
    """

    def __init__(self, *, promotion: str, model_name: str, holder: str, registry_conn_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's own is untyped
        self.promotion = promotion
        self.model_name = model_name
        self.holder = holder
        self.registry_conn_id = registry_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider.triggers.approvals.PromotionTrigger",
            {
                "promotion": self.promotion,
                "model_name": self.model_name,
                "holder": self.holder,
                "registry_conn_id": self.registry_conn_id,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        began = time.monotonic()
        event = await self._decided()
        await asyncio.sleep(began + PARKED_AFTER - time.monotonic())
        # Nothing is held open at the yield: not everybody who runs a trigger closes it.
        yield event

    async def _decided(self) -> TriggerEvent:
        settings = await ModelRegistryHook(self.registry_conn_id).aget_settings()
        async with shared_feed(settings) as feed, feed.subscribed(self.model_name) as subscription:
            said: Judgement | None = None
            while True:
                pause = LOOK_AGAIN
                try:
                    judgement = judge(await self._look(feed))
                except RegistryError as error:
                    if not is_passing(error):
                        return _event(status="refused", promotion=self.promotion, message=in_words(error))
                    self.log.warning("The registry doesn't answer (%s); waiting on", error.message)
                    pause = PAUSE_AFTER_ERROR
                else:
                    if judgement.verdict is not Verdict.WAIT:
                        return _event(status="decided", promotion=self.promotion)
                    if judgement != said:
                        self.log.info("Waiting for promotion %s: %s", self.promotion, judgement.words)
                        said = judgement
                await subscription.wait(spread(pause))

    async def _look(self, feed: EventFeed) -> Promotion:
        async with feed.asking:
            return await feed.client.get_promotion(self.promotion, holder=self.holder)


class RegistryReachableTrigger(BaseTrigger):
    """Fires when the registry answers again: `{"status": "reachable"}`, or `{"status": "refused", "message": <why>}`.

    :param registry_conn_id: the Airflow connection of the registry.
    """

    def __init__(self, *, registry_conn_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's own is untyped
        self.registry_conn_id = registry_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider.triggers.approvals.RegistryReachableTrigger",
            {"registry_conn_id": self.registry_conn_id},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield await self._reachable()

    async def _reachable(self) -> TriggerEvent:
        settings = await ModelRegistryHook(self.registry_conn_id).aget_settings()
        async with shared_feed(settings) as feed:
            while True:
                await asyncio.sleep(spread(PAUSE_AFTER_ERROR))
                try:
                    async with feed.asking:
                        await feed.client.who_am_i()
                except RegistryError as error:
                    if not is_passing(error):
                        return _event(status="refused", message=in_words(error))
                    self.log.warning("The registry doesn't answer (%s); waiting on", error.message)
                else:
                    return _event(status="reachable")


def _event(**payload: str) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call] # Airflow's own is untyped

"""Triggers against the real service."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from airflow.triggers.base import TriggerEvent

from airflow_provider.triggers.approvals import PARKED_AFTER, PromotionTrigger, RegistryReachableTrigger
from registry_service.client import Promotion, Verdict
from tests.provider.world import World

pytestmark = pytest.mark.anyio


def a_trigger(promotion: Promotion, conn_id: str = "registry") -> PromotionTrigger:
    return PromotionTrigger(
        promotion=promotion.id, model_name=promotion.model_name, holder="airflow:d/r", registry_conn_id=conn_id
    )


async def fired(trigger: PromotionTrigger | RegistryReachableTrigger) -> TriggerEvent:
    """The first event of a trigger, which is closed afterwards, as the triggerer does."""
    events = trigger.run()
    try:
        return await anext(events)
    finally:
        await events.aclose()  # type: ignore[attr-defined] # it is an asynchronous generator


def feeds() -> int:
    return sum(task.get_name() == "model-registry-feed" for task in asyncio.all_tasks())


async def test_a_decision_is_seen_within_a_second(world: World) -> None:
    world.create_model(policy="solo")
    promotion = await asyncio.to_thread(lambda: world.request(world.register("a")))
    waiting = asyncio.create_task(fired(a_trigger(promotion)))
    await asyncio.sleep(PARKED_AFTER)
    assert not waiting.done() and feeds() == 1
    await asyncio.to_thread(world.review, promotion)
    began = time.monotonic()
    event = await asyncio.wait_for(waiting, 20)
    assert event.payload == {"status": "decided", "promotion": promotion.id}
    assert time.monotonic() - began < 1.5
    assert feeds() == 0


async def test_a_task_is_not_woken_before_it_is_parked(world: World) -> None:
    world.create_model(policy="open")
    promotion = await asyncio.to_thread(lambda: world.request(world.register("a")))
    began = time.monotonic()
    await asyncio.wait_for(fired(a_trigger(promotion)), 20)
    assert time.monotonic() - began >= PARKED_AFTER


async def test_a_decision_between_subscribing_and_looking_is_not_missed(world: World) -> None:
    async def decided_after(delay: float) -> TriggerEvent:
        own = replace(world, model=f"{world.model}-{delay:.2f}")
        await asyncio.to_thread(lambda: own.create_model(policy="solo"))
        promotion = await asyncio.to_thread(lambda: own.request(own.register(f"after {delay}")))
        waiting = asyncio.create_task(fired(a_trigger(promotion)))
        await asyncio.sleep(delay)
        await asyncio.to_thread(world.review, promotion, Verdict.REJECT, "no")
        return await asyncio.wait_for(waiting, 20)

    events = await asyncio.gather(*map(decided_after, (0.0, 0.01, 0.03, 0.06, 0.1, 0.2)))
    assert {event.payload["status"] for event in events} == {"decided"}


@pytest.mark.slow
async def test_a_hundred_waits_share_one_look_at_the_log(world: World) -> None:
    world.create_model(policy="solo")
    promotion = await asyncio.to_thread(lambda: world.request(world.register("a")))
    waiting = [asyncio.create_task(fired(a_trigger(promotion))) for _ in range(100)]
    await asyncio.sleep(2.0)
    assert feeds() == 1 and not any(task.done() for task in waiting)
    await asyncio.to_thread(world.review, promotion)
    events = await asyncio.wait_for(asyncio.gather(*waiting), 30)
    assert {event.payload["status"] for event in events} == {"decided"}
    assert feeds() == 0


async def test_a_cancelled_wait_leaves_the_others_and_the_last_one_ends_the_look(world: World) -> None:
    world.create_model(policy="solo")
    promotion = await asyncio.to_thread(lambda: world.request(world.register("a")))
    first, second = (asyncio.create_task(fired(a_trigger(promotion))) for _ in range(2))
    await asyncio.sleep(0.5)
    first.cancel()
    await asyncio.wait([first])
    assert feeds() == 1
    await asyncio.to_thread(world.review, promotion)
    await asyncio.wait_for(second, 20)
    assert feeds() == 0


async def test_what_will_never_be_told_ends_the_wait(world: World) -> None:
    world.create_model(policy="solo")
    promotion = await asyncio.to_thread(lambda: world.request(world.register("a")))
    trigger = PromotionTrigger(
        promotion="nowhere", model_name=promotion.model_name, holder="airflow:d/r", registry_conn_id="registry"
    )
    event = await asyncio.wait_for(fired(trigger), 20)
    assert event.payload["status"] == "refused" and "promotion_not_found" in event.payload["message"]

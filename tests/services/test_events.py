from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection, update

from registry_service.db.queries.events import get_consumer, list_consumers, read_events
from registry_service.db.tables import registry as registry_table
from registry_service.domain.entities import Consumer, EventPage
from registry_service.domain.errors import (
    ConsumerNotFound,
    CursorFromOtherEpoch,
    InvalidCursor,
    InvalidInput,
    InvalidName,
    NotPermitted,
)
from registry_service.domain.events import EventFilter, EventKind, parse_kind
from registry_service.domain.permissions import Role
from registry_service.domain.requests import CreateModel, MoveConsumer
from registry_service.services.events import move_consumer, remove_consumer
from registry_service.services.models import create_model
from registry_service.services.registry import Registry
from tests.services.world import World


async def page(world: World, after: str = "start", *, by: str = "ada", limit: int = 100) -> EventPage:
    return await world.look(by, read_events, after=after, limit=limit)


async def test_events_are_numbered_without_gaps_in_the_order_of_commits(world: World) -> None:
    await world.model()
    await asyncio.gather(*(world.register() for _ in range(6)))
    events = await world.events()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    of_model = [event.revision for event in events if event.model_name == "fraud"]
    assert of_model == sorted(set(of_model), key=lambda revision: revision or 0)


async def test_a_story_is_told_in_order(world: World) -> None:
    await world.registered(1)
    await world.apply(await world.lease(await world.approved(1)), "run-1")
    told = [event.kind for event in await world.events(model="fraud")]
    assert told == [
        EventKind.MODEL_CREATED,
        EventKind.VERSION_REGISTERED,
        EventKind.PROMOTION_REQUESTED,
        EventKind.REVIEW_GIVEN,
        EventKind.PROMOTION_APPROVED,
        EventKind.PROMOTION_LEASED,
        EventKind.PROMOTION_APPLIED,
        EventKind.STAGE_MOVED,
    ]


async def test_events_of_a_promotion_say_what_a_reader_needs(world: World) -> None:
    (version,) = await world.registered(1)
    promotion = await world.promote(1)
    for event in await world.events("promotion.*", "review.*"):
        assert event.subject == promotion.id
        assert event.data | {"stage": "production", "version": 1, "digest": version.digest} == event.data
        assert event.revision is not None
    assert [event.data["phase"] for event in await world.events("promotion.*")] == ["PENDING", "APPROVED", "APPLIED"]


async def test_a_refused_act_leaves_no_event(world: World) -> None:
    before = await world.events()
    with pytest.raises(InvalidName):
        await world.model("no/name")
    assert await world.events() == before


# ------------------------------------------------------------------------------------------------------- cursors


async def test_a_cursor_reads_on_and_misses_nothing(world: World) -> None:
    await world.registered(4)
    found = []
    cursor = "start"
    while True:
        read = await page(world, cursor, limit=3)
        if not read.events:
            break
        found += read.events
        cursor = read.cursor
    assert found == await world.events()
    assert (await page(world, cursor)).cursor == cursor
    await world.register()
    assert [event.kind for event in (await page(world, cursor)).events] == ["version.registered"]


async def test_latest_begins_with_what_comes(world: World) -> None:
    await world.registered(1)
    read = await page(world, "latest")
    assert read.events == []
    await world.register()
    assert [event.kind for event in (await page(world, read.cursor)).events] == ["version.registered"]


async def test_a_cursor_passes_events_that_one_may_not_see(world: World) -> None:
    await world.person("otto", Role.READER, "churn*")
    await world.model("churn")
    await world.registered(5)
    seen = await page(world, by="otto", limit=50)
    assert {event.model_name for event in seen.events} == {"churn"}
    assert seen.cursor == (await page(world, "latest")).cursor
    assert (await page(world, seen.cursor, by="otto")).events == []


async def test_a_cursor_passes_events_that_were_not_asked_for(world: World) -> None:
    await world.registered(3)
    read = await world.look("ada", read_events, wanted=EventFilter(kinds=(parse_kind("model.created"),)))
    assert [event.kind for event in read.events] == ["model.created"]
    assert read.cursor == (await page(world, "latest")).cursor


async def test_events_about_people_are_for_those_who_see_the_whole_registry(world: World) -> None:
    await world.person("otto", Role.READER, "churn*")
    assert "grant.created" in {event.kind for event in await world.events(by="rita")}
    assert await world.events(by="otto") == []
    await world.person("nobody")
    with pytest.raises(NotPermitted):
        await world.events(by="nobody")


async def test_a_cursor_of_another_log_is_noticed(world: World) -> None:
    old = (await page(world, "latest")).cursor

    def restore(connection: Connection) -> None:
        connection.execute(update(registry_table).where(registry_table.c.key == "epoch").values(value="another"))

    await world.registry.database.write(restore)
    with pytest.raises(CursorFromOtherEpoch):
        await page(world, old)
    with pytest.raises(CursorFromOtherEpoch):
        await world.act("ada", move_consumer, "mail", MoveConsumer(cursor=old))


async def test_a_cursor_beyond_the_end_is_one_of_a_log_that_was_cut(world: World) -> None:
    """A backup restored over the file: the epoch is the same, and the numbers will mean other events."""

    cursor = (await page(world, "latest")).cursor
    epoch, _, seq = cursor.rpartition("-")
    with pytest.raises(CursorFromOtherEpoch):
        await page(world, f"{epoch}-{int(seq) + 1}")


@pytest.mark.parametrize("cursor", ["", "nonsense", "epoch-", "x-99999999999999999999", "a\0-1"])
async def test_what_is_no_cursor_is_refused(world: World, cursor: str) -> None:
    for act in (page(world, cursor or "-"), world.act("ada", move_consumer, "mail", MoveConsumer(cursor=cursor))):
        with pytest.raises((InvalidCursor, CursorFromOtherEpoch)):
            await act


# ----------------------------------------------------------------------------------------------------- consumers


async def test_a_consumer_keeps_its_place(world: World) -> None:
    await world.registered(1)
    start = await world.act("airflow", move_consumer, "triggers", MoveConsumer(cursor="latest"))
    await world.register()
    read = await world.look("airflow", read_events, consumer="triggers")
    assert [event.kind for event in read.events] == ["version.registered"]
    assert (await world.look("airflow", get_consumer, "triggers")).cursor == start.cursor
    await world.act("airflow", move_consumer, "triggers", MoveConsumer(cursor=read.cursor))
    assert (await world.look("airflow", read_events, consumer="triggers")).events == []


async def test_a_consumer_is_its_owners(world: World) -> None:
    await world.act("airflow", move_consumer, "triggers", MoveConsumer(cursor="start"))
    for act in (
        world.look("carl", get_consumer, "triggers"),
        world.look("carl", read_events, consumer="triggers"),
        world.act("carl", move_consumer, "triggers", MoveConsumer(cursor="latest")),
        world.act("carl", remove_consumer, "triggers"),
    ):
        with pytest.raises(ConsumerNotFound):
            await act
    assert await world.look_at_all("carl", list_consumers) == []
    assert [one.name for one in await world.look_at_all("ada", list_consumers)] == ["triggers"]
    await world.act("airflow", remove_consumer, "triggers")
    with pytest.raises(ConsumerNotFound):
        await world.look("airflow", get_consumer, "triggers")
    with pytest.raises(InvalidInput):
        await world.act("airflow", move_consumer, "no name", MoveConsumer(cursor="start"))


async def test_concurrent_owners_of_a_new_consumer_have_one_winner(world: World) -> None:
    outcomes = await asyncio.gather(
        *(world.act(who, move_consumer, "mail", MoveConsumer(cursor="start")) for who in ("carl", "ben", "maria")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(Consumer) == 1
    assert [type(outcome) for outcome in outcomes].count(ConsumerNotFound) == 2


# ------------------------------------------------------------------------------------------------------- waiting


async def test_who_waits_is_woken_by_the_next_event(world: World) -> None:
    after = (await world.events())[-1].seq
    loop = asyncio.get_running_loop()
    begun = loop.time()
    waiting = [asyncio.create_task(world.registry.wait_for_events(after, 30)) for _ in range(3)]
    await asyncio.sleep(0)
    await world.model()
    await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert loop.time() - begun < 10
    assert len((await page(world, f"{(await page(world)).cursor.rpartition('-')[0]}-{after}")).events) == 1


async def test_what_is_there_already_is_not_waited_for(world: World) -> None:
    await asyncio.wait_for(world.registry.wait_for_events(0, 30), 5)


async def test_who_waits_in_vain_is_let_go(world: World) -> None:
    after = (await world.events())[-1].seq
    await asyncio.wait_for(world.registry.wait_for_events(after, 0.05), 5)


async def test_nobody_waits_for_a_service_that_ends(world: World) -> None:
    after = (await world.events())[-1].seq
    waiting = [asyncio.create_task(world.registry.wait_for_events(after, 300)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not world.registry.closing
    world.registry.stop_waiting()
    await asyncio.wait_for(asyncio.gather(*waiting), 30)
    await asyncio.wait_for(world.registry.wait_for_events(after, 300), 30)
    assert world.registry.closing


async def test_events_of_another_process_are_found_as_well(world: World) -> None:
    """A second registry on the same database, whose news don't reach the first: it looks again by itself."""

    replica = Registry(world.registry.database, world.store, clock=world.clock, public_url="")
    after = (await world.events())[-1].seq
    waiting = asyncio.create_task(world.registry.wait_for_events(after, 30))
    await asyncio.sleep(0)
    await replica.write(await world.actor("carl"), create_model, None, CreateModel(name="fraud"))
    await asyncio.wait_for(waiting, 10)
    assert [event.kind for event in await world.events(model="fraud")] == ["model.created"]

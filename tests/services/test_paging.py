from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from registry_service.db.paging import PageRequest
from registry_service.db.queries.checks import list_checks
from registry_service.db.queries.deployments import list_deployments
from registry_service.db.queries.facets import count_facets
from registry_service.db.queries.models import list_models
from registry_service.db.queries.promotions import list_promotions
from registry_service.db.queries.versions import list_all_versions, list_versions
from registry_service.domain.entities import Page
from registry_service.domain.errors import InvalidCursor, InvalidFilter, InvalidInput
from tests.services.world import MINUTE, World


def forged(cursor: str, keys: list[Any]) -> str:
    """The cursor with other keys under the same mark."""

    mark, _ = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return base64.urlsafe_b64encode(msgspec.json.encode([mark, keys])).decode().rstrip("=")


@pytest.mark.parametrize("order_by", [None, "number", "number desc", "created_at", "created_at desc"])
@pytest.mark.parametrize("limit", [1, 3, 7])
async def test_pages_add_up_to_the_whole(world: World, order_by: str | None, limit: int) -> None:
    await world.model()
    for number in range(7):
        await world.register()
        if number % 3 == 2:  # several versions of one moment
            world.clock.advance(MINUTE)
    whole = await world.look_at_all("rita", list_versions, "fraud", order_by=order_by)
    assert len(whole) == 7
    assert await world.look_at_all("rita", list_versions, "fraud", limit=limit, order_by=order_by) == whole


LONG = "x" * 100
TAGGED = [
    ("tags.k = 'a'", {1, 4, 7}),
    ("'a' = tags.k AND number > 1", {4, 7}),
    ("number < 7 AND tags.k = 'a' AND tags.n = 'v4'", {4}),
    ("tags.k = 'a' OR number = 2", {1, 2, 4, 7}),
    ("NOT tags.k = 'a'", {2, 3, 5, 6}),
    # Alike in all that the index holds of them.
    (f"tags.k = '{LONG}1'", {2, 5}),
    (f"tags.k = '{LONG}2'", {3, 6}),
    (f"tags.k = '{LONG}'", set()),
    ("tags.k = ''", set()),
]


@pytest.mark.parametrize(("text", "numbers"), TAGGED)
@pytest.mark.parametrize("order_by", [None, "number", "created_at", "created_at desc"])
async def test_versions_are_found_and_paged_by_tag(
    world: World, text: str, numbers: set[int], order_by: str | None
) -> None:
    await world.model("other")
    await world.register("other", tags={"k": "a"})
    await world.model()
    values = ["a", f"{LONG}1", f"{LONG}2"]
    for number in range(7):
        await world.register(tags={"k": values[number % 3], "n": f"v{number + 1}"})
        world.clock.advance(MINUTE)
    for limit in (1, 2, 50):
        found = await world.look_at_all("rita", list_versions, "fraud", limit=limit, order_by=order_by, filter=text)
        assert [one.number for one in found] == sorted(numbers, reverse=order_by is None or order_by.endswith("desc"))


async def test_what_comes_and_goes_meanwhile_is_neither_skipped_nor_shown_twice(world: World) -> None:
    await world.registered(6)
    first = await world.look("rita", list_versions, "fraud", PageRequest(limit=3))
    await world.register()
    second = await world.look("rita", list_versions, "fraud", PageRequest(limit=3, cursor=first.next_cursor))
    assert [one.number for one in [*first.items, *second.items]] == [6, 5, 4, 3, 2, 1]


async def test_promotions_of_one_moment_are_paged_whole(world: World) -> None:
    await world.registered(3)
    for number in (3, 2, 1):
        for stage in ("staging", "production"):
            await world.request(number, stage)
    paged = await world.look_at_all("rita", list_promotions, limit=2)
    assert len({one.id for one in paged}) == len(paged) == 6


async def test_a_cursor_belongs_to_its_list_filter_and_order(world: World) -> None:
    await world.registered(3)
    page = await world.look("rita", list_versions, "fraud", PageRequest(limit=1))
    for other in (
        world.look("rita", list_versions, "fraud", PageRequest(limit=1, cursor=page.next_cursor, order_by="number")),
        world.look("rita", list_versions, "fraud", PageRequest(limit=1, cursor=page.next_cursor, filter="number > 1")),
        world.look("rita", list_models, PageRequest(limit=1, cursor=page.next_cursor)),
    ):
        with pytest.raises(InvalidCursor):
            await other


@pytest.mark.parametrize(
    "keys", [["x"], [1.5], [None], [], [1, 2], [{"at": 1}], [{}], [2**31], [2**63], [-(2**70)], [[1]], [True]]
)
async def test_a_cursor_that_was_tampered_with_is_refused(world: World, keys: list[Any]) -> None:
    await world.registered(2)
    page = await world.look("rita", list_versions, "fraud", PageRequest(limit=1))
    assert page.next_cursor is not None
    with pytest.raises(InvalidCursor):
        await world.look("rita", list_versions, "fraud", PageRequest(cursor=forged(page.next_cursor, keys)))


@pytest.mark.parametrize("keys", [[1, "x"], [{"at": "x"}, "x"], [{"at": 2**70}, "x"], [{"at": 1}, 1], ["x", "x"]])
async def test_a_cursor_over_time_that_was_tampered_with_is_refused(world: World, keys: list[Any]) -> None:
    await world.registered(1)
    await world.request(1)
    await world.request(1, "staging")
    page = await world.look("rita", list_promotions, PageRequest(limit=1))
    assert page.next_cursor is not None
    with pytest.raises(InvalidInput):
        await world.look("rita", list_promotions, PageRequest(cursor=forged(page.next_cursor, keys)))


def repinned(cursor: str, now: object) -> str:
    """The cursor with another moment that times in its filter count from; or with none."""

    mark, keys, _ = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    parts = [mark, keys] if now is None else [mark, keys, now]
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


async def test_now_is_that_of_the_first_page_on_all_that_follow(world: World) -> None:
    await world.model()
    for _ in range(6):
        await world.register()
        world.clock.advance(MINUTE)
    for text, numbers in (("created_at > now-4m", [6, 5, 4]), ("created_at < now-4m", [2, 1])):
        begun = world.clock.now
        found: list[int] = []
        cursor = None
        while True:
            asked = PageRequest(limit=1, filter=text, cursor=cursor)
            page = await world.look("rita", list_versions, "fraud", asked)
            found += [one.number for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
            world.clock.advance(10 * MINUTE)
        assert found == numbers
        world.clock.now = begun


async def test_all_lists_with_a_filter_know_times_that_count_from_now(world: World) -> None:
    await world.registered(2)
    await world.request(1)
    await world.request(2, "staging")
    await world.model("other")
    world.clock.advance(2 * MINUTE)
    lists: list[tuple[Callable[..., Page[Any]], str]] = [
        (list_models, "created_at"),
        (list_promotions, "requested_at"),
        (list_all_versions, "created_at"),
    ]
    for query, name in lists:
        for text, count in ((f"{name} < now-1m", 2), (f"{name} > now-1m", 0)):
            assert len(await world.look_at_all("rita", query, limit=1, filter=text)) == count
    assert await world.look_at_all("rita", list_deployments, limit=1, filter="started_at > now-1m") == []
    counted = await world.look("rita", count_facets, "framework", "created_at > now-1m", limit=5)
    assert counted.counted == 0


@pytest.mark.parametrize("now", [None, "x", 1.5, True, [1], {}, 2**62, -(2**62), 2**80])
async def test_a_cursor_with_another_now_than_a_time_is_refused(world: World, now: object) -> None:
    await world.registered(2)
    asked = PageRequest(limit=1, filter="created_at <= now")
    page = await world.look("rita", list_versions, "fraud", asked)
    assert page.next_cursor is not None
    with pytest.raises(InvalidCursor):
        await world.look(
            "rita",
            list_versions,
            "fraud",
            PageRequest(limit=1, filter="created_at <= now", cursor=repinned(page.next_cursor, now)),
        )


@pytest.mark.parametrize("cursor", ["", "%", "AAAA", "é", "bm90IGpzb24", "a" * 10_000])
async def test_what_is_no_cursor_is_refused(world: World, cursor: str) -> None:
    await world.registered(2)
    with pytest.raises(InvalidCursor):
        await world.look("rita", list_versions, "fraud", PageRequest(cursor=cursor))


async def test_a_page_has_bounds_and_a_known_order(world: World) -> None:
    await world.registered(1)
    for request in (
        PageRequest(limit=0),
        PageRequest(limit=201),
        PageRequest(order_by="stage"),
        PageRequest(order_by="number sideways"),
        PageRequest(order_by="number desc, digest"),
        PageRequest(filter="number = "),
        PageRequest(filter="secret = 'x'"),
    ):
        with pytest.raises(InvalidInput):
            await world.look("rita", list_versions, "fraud", request)
    with pytest.raises(InvalidFilter):
        await world.look("rita", list_checks, "fraud", "1", PageRequest(filter="name = 'a'"))

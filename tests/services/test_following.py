from __future__ import annotations

from typing import Any

import pytest

from registry_service.db.paging import PageRequest
from registry_service.db.queries.following import list_activity, list_subscriptions, newest_about_version
from registry_service.db.queries.models import get_model
from registry_service.domain.entities import Activity, Subscription
from registry_service.domain.errors import (
    InvalidFilter,
    InvalidInput,
    InvalidName,
    ModelNotFound,
    NotPermitted,
    PersonRequired,
    PrincipalNotFound,
    SubscriptionNotFound,
    TooLarge,
)
from registry_service.domain.events import parse_kind
from registry_service.domain.following import Concern
from registry_service.domain.permissions import Role
from registry_service.domain.requests import Subscribe, WriteComment, WriteGroup
from registry_service.services.comments import comment_on_model
from registry_service.services.principals import write_group
from registry_service.services.subscriptions import subscribe, unsubscribe
from tests.services.world import ALL, HOUR, World


async def follow(world: World, who: str, pattern: str) -> Subscription:
    return await world.act(who, subscribe, Subscribe(pattern=pattern))


async def activity(
    world: World, who: str, *, limit: int = 200, model: str | None = None, person: str | None = None, mine: bool = False
) -> list[Activity]:
    found: list[Activity] = []
    cursor: str | None = None
    while True:
        page = PageRequest(limit=limit, cursor=cursor)
        answered = await world.look(who, list_activity, page, model=model, person=person, subscribed=mine)
        found += answered.items
        cursor = answered.next_cursor
        if cursor is None:
            return found


async def test_a_subscription_is_made_once_and_ended(world: World) -> None:
    before = await world.kinds()
    made = await follow(world, "rita", "fraud-*")
    assert (made.principal, made.pattern, made.created_at) == ("rita", "fraud-*", world.clock.now)
    assert await follow(world, "rita", "fraud-*") == made
    other = await follow(world, "rita", "churn")
    await follow(world, "ben", "bens")
    assert await world.look_at_all("rita", list_subscriptions) == [other, made]
    await world.act("rita", unsubscribe, made.id)
    assert await world.look_at_all("rita", list_subscriptions, limit=1) == [other]
    assert await world.kinds() == before


async def test_what_one_follows_is_ones_own(world: World) -> None:
    made = await follow(world, "rita", "fraud")
    assert await world.look_at_all("ada", list_subscriptions) == []
    said = set()
    for subscription in (made.id, "absent"):
        with pytest.raises(SubscriptionNotFound) as refused:
            await world.act("ada", unsubscribe, subscription)
        said.add(refused.value.message.replace(subscription, "ID"))
    assert len(said) == 1
    with pytest.raises(PersonRequired):
        await follow(world, "airflow", "fraud")
    await world.person("nobody")
    with pytest.raises(NotPermitted):
        await follow(world, "nobody", "fraud")


async def test_limits(world: World) -> None:
    for pattern in ("", "a/b", "x" * 257, "[ab]"):
        with pytest.raises(InvalidName):
            await follow(world, "rita", pattern)
    for number in range(100):
        await follow(world, "rita", f"m{number}")
    with pytest.raises(TooLarge):
        await follow(world, "rita", "one-more")
    await follow(world, "rita", "m7")
    with pytest.raises(InvalidFilter):
        await world.look("rita", list_activity, PageRequest(filter="kind = 'x'"))


async def test_what_happened_is_read_from_its_end_in_pages(world: World) -> None:
    await world.registered(2)
    await world.registered(1, "churn", by="carl")
    told = [event.seq for event in await world.events()]
    assert [one.event.seq for one in await activity(world, "ada")] == told[::-1]
    assert [one.event.seq for one in await activity(world, "ada", limit=1)] == told[::-1]
    of_model = await activity(world, "ada", model="fraud", limit=2)
    assert [one.event.kind for one in of_model] == ["version.registered", "version.registered", "model.created"]
    by_carl = await activity(world, "ada", person="carl", limit=2)
    assert {one.event.model_name for one in by_carl} == {"churn"}
    assert await activity(world, "ada", model="fraud", person="carl") == []
    with pytest.raises(ModelNotFound):
        await activity(world, "ada", model="absent")
    with pytest.raises(PrincipalNotFound):
        await activity(world, "ada", person="absent")


async def test_what_concerns_one_is_told_with_why(world: World) -> None:
    for model, owner in (("own", "rita"), ("followed.1", "ada"), ("mentioned", "ada"), ("Followed.2", "ada")):
        await world.model(model, owners=[owner])
    await world.act("ada", write_group, "ops", WriteGroup(members=["rita"]))
    for text in ("@rita!", "nobody", "@ops!"):
        await world.act("carl", comment_on_model, "mentioned", WriteComment(text=text))
    await world.act("carl", comment_on_model, "own", WriteComment(text="@rita"))
    await follow(world, "rita", "followed.?")
    await follow(world, "rita", "own")
    everything = await activity(world, "rita")
    mine = await activity(world, "rita", mine=True, limit=2)
    assert [(one.event.model_name, one.event.kind, one.concerns) for one in mine] == [
        ("own", "comment.added", [Concern.OWNER, Concern.MENTIONED, Concern.SUBSCRIBED]),
        ("mentioned", "comment.added", [Concern.MENTIONED]),
        ("mentioned", "comment.added", [Concern.MENTIONED]),
        ("followed.1", "model.created", [Concern.SUBSCRIBED]),
        ("own", "model.created", [Concern.OWNER, Concern.SUBSCRIBED]),
    ]
    # The condition in SQL and the rule of the domain say the same.
    assert [one for one in everything if one.concerns] == mine
    assert await activity(world, "ben", mine=True) == []
    assert [one.event.kind for one in await activity(world, "rita", mine=True, person="carl")] == ["comment.added"] * 3


async def test_nothing_out_of_sight_is_told(world: World) -> None:
    await world.registered(1)
    await world.registered(1, "secret")
    await world.person("otto", Role.READER, "fraud")
    await follow(world, "otto", "*")
    for found in (
        await activity(world, "otto"),
        await activity(world, "otto", mine=True),
        await activity(world, "otto", person="airflow"),
    ):
        assert {one.event.model_name for one in found} == {"fraud"}
    with pytest.raises(ModelNotFound):
        await activity(world, "otto", model="secret")
    assert (await world.look("otto", list_activity, ALL)).next_cursor is None


async def test_what_happened_is_narrowed_by_kind_and_time(world: World) -> None:
    await world.model()
    world.clock.advance(HOUR)
    noon = world.clock.now
    await world.register()
    world.clock.advance(HOUR)
    await world.register()

    async def kinds(**wanted: Any) -> list[str]:
        found = await world.look("ada", list_activity, PageRequest(limit=3), model="fraud", **wanted)
        return [one.event.kind for one in found.items]

    registered = "version.registered"
    assert await kinds() == [registered, registered, "model.created"]
    assert await kinds(kinds=[parse_kind("version.*")]) == [registered, registered]
    assert await kinds(kinds=[parse_kind("model.created"), parse_kind("stage.moved")]) == ["model.created"]
    assert await kinds(since=noon) == [registered, registered]
    assert await kinds(until=noon) == ["model.created"]
    assert await kinds(since=noon, until=noon + HOUR) == [registered]
    await world.promote(1)
    assert (await kinds(version=1))[0] == "stage.moved"
    assert await kinds(version=2) == [registered]
    assert await kinds(version=3) == []
    model_id = (await world.look("ada", get_model, "fraud")).id
    lately = await world.look("ada", newest_about_version, model_id, 2, limit=10)
    assert [event.kind for event in lately] == [registered]
    with pytest.raises(InvalidInput, match="Name the model"):
        await world.look("ada", list_activity, PageRequest(), version=1)

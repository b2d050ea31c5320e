from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from registry_service.db.paging import PageRequest
from registry_service.db.queries.delegations import list_delegations
from registry_service.db.queries.inbox import get_inbox
from registry_service.domain.entities import Delegation
from registry_service.domain.errors import (
    DelegationNotFound,
    DelegationOverlaps,
    IllegalMove,
    InvalidInput,
    NotPermitted,
    PersonRequired,
    PrincipalNotFound,
    RegistryError,
    SelfApproval,
)
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Role
from registry_service.domain.policies import PolicyDocument, ReviewRule
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import CreateGrant, Delegate, UpdatePrincipal, WriteGroup
from registry_service.services.delegations import delegate, end_delegation
from registry_service.services.principals import create_grant, update_principal, write_group
from tests.services.world import DAY, HOUR, World

RISK = PolicyDocument(name="risk", rules=(ReviewRule(name="risk", group="risk"),), delegation=True)


async def hand_over(world: World, by: str, to: str, *, days: int = 7, **given: Any) -> Delegation:
    body = Delegate(to=to, until=given.pop("until", world.clock() + days * DAY), **given)
    return await world.act(by, delegate, body)


@pytest.fixture
async def risky(solo: World) -> World:
    """Of the group that must approve, maria alone is a member; ben is an approver as she is."""

    await solo.act("ada", write_group, "risk", WriteGroup(members=["maria"]))
    await solo.policy(RISK)
    await solo.registered(1)
    return solo


async def test_who_stands_in_fills_the_place_while_the_delegation_is_in_force(risky: World) -> None:
    promotion = await risky.request(1)
    assert (await risky.look("ben", get_inbox)).reviews == []
    await hand_over(risky, "maria", "ben", reason="Holidays")
    assert [one.promotion_id for one in (await risky.look("ben", get_inbox)).reviews] == [promotion.id]
    risky.clock.advance(HOUR)
    approved = await risky.approve("ben", promotion)
    assert approved.phase is Phase.APPROVED
    assert [reason.message for reason in approved.decision.satisfied] == ["Approved by ben for maria."]
    (given,) = [event for event in await risky.events() if event.kind == EventKind.REVIEW_GIVEN]
    assert given.data["standing_in_for"] == ["maria"]


async def test_an_approval_given_before_does_not_begin_to_count(risky: World) -> None:
    promotion = await risky.request(1)
    approved = await risky.approve("ben", promotion)
    assert approved.phase is Phase.PENDING
    risky.clock.advance(HOUR)
    await hand_over(risky, "maria", "ben")
    risky.clock.advance(HOUR)
    assert (await risky.promotion(promotion)).decision.outcome == "waiting"
    assert (await risky.approve("ben", promotion)).phase is Phase.APPROVED


async def test_what_was_reviewed_in_time_counts_when_it_has_ended(risky: World) -> None:
    promotion = await risky.request(1)
    made = await hand_over(risky, "maria", "ben")
    risky.clock.advance(HOUR)
    await risky.approve("ben", promotion)
    risky.clock.advance(HOUR)
    ended = await risky.act("maria", end_delegation, made.id)
    assert (ended.ended_at, ended.ended_by) == (risky.clock(), "maria")
    assert (await risky.promotion(promotion)).phase is Phase.APPROVED
    # What comes after it counts no more.
    await risky.register(content=b"better")
    second = await risky.request(2)
    assert (await risky.approve("ben", second)).phase is Phase.PENDING


@pytest.mark.parametrize("what", ["disabled", "left the group"])
async def test_the_place_must_be_the_delegators_when_it_is_judged(risky: World, what: str) -> None:
    promotion = await risky.request(1)
    await hand_over(risky, "maria", "ben")
    risky.clock.advance(HOUR)
    await risky.approve("ben", promotion)
    if what == "disabled":
        await risky.act("ada", update_principal, "maria", UpdatePrincipal(disabled=True))
    else:
        await risky.act("ada", write_group, "risk", WriteGroup(members=["rita"]))
    assert (await risky.promotion(promotion)).phase is Phase.PENDING


async def test_it_gives_nobody_the_right_to_review(risky: World) -> None:
    promotion = await risky.request(1)
    await hand_over(risky, "maria", "carl")
    risky.clock.advance(HOUR)
    with pytest.raises(NotPermitted):
        await risky.approve("carl", promotion)


async def test_nobody_gets_their_own_work_approved_in_their_place(risky: World) -> None:
    await risky.act("ada", write_group, "risk", WriteGroup(members=["ada", "maria"]))
    promotion = await risky.request(1)  # by the service, which ada owns
    await hand_over(risky, "ada", "ben")
    risky.clock.advance(HOUR)
    with pytest.raises(SelfApproval, match="stands in for ada"):
        await risky.approve("ben", promotion)


async def test_it_begins_when_it_says(risky: World) -> None:
    promotion = await risky.request(1)
    await hand_over(risky, "maria", "ben", starts_at=risky.clock() + DAY)
    assert (await risky.approve("ben", promotion)).phase is Phase.PENDING
    risky.clock.advance(DAY + HOUR)
    assert (await risky.approve("ben", promotion)).phase is Phase.APPROVED


async def test_one_person_stands_in_at_a_time(world: World) -> None:
    await hand_over(world, "maria", "ben", days=2)
    with pytest.raises(DelegationOverlaps, match="'ben' stands in for you"):
        await hand_over(world, "maria", "ada", days=9)
    later = await hand_over(world, "maria", "ada", starts_at=world.clock() + 2 * DAY, days=9)
    await world.act("maria", end_delegation, later.id)
    await hand_over(world, "maria", "ada", starts_at=world.clock() + 2 * DAY, days=9)


async def test_of_two_at_once_one_is_made(world: World) -> None:
    made = await asyncio.gather(
        *(hand_over(world, "maria", to) for to in ("ben", "ada", "carl", "rita")), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in made) == ["Delegation", *["DelegationOverlaps"] * 3]


@pytest.mark.parametrize(
    ("by", "to", "days", "error"),
    [
        ("maria", "maria", 1, InvalidInput),
        ("maria", "airflow", 1, PersonRequired),
        ("airflow", "ben", 1, PersonRequired),
        ("maria", "nobody", 1, PrincipalNotFound),
        ("maria", "ben", -1, InvalidInput),
        ("maria", "ben", 400, InvalidInput),
        ("carl", "ben", 1, NotPermitted),
    ],
)
async def test_a_delegation_that_makes_no_sense_is_refused(
    world: World, by: str, to: str, days: int, error: type[RegistryError]
) -> None:
    with pytest.raises(error) as refusal:
        await hand_over(world, by, to, days=days)
    assert refusal.type is error
    assert (await world.look("ada", list_delegations, PageRequest())).items == []


async def test_a_narrowed_token_hands_nothing_over(world: World) -> None:
    narrowed = await world.actor("maria", token=await world.token_of("maria", role=Role.APPROVER))
    with pytest.raises(NotPermitted, match="narrowed"):
        await world.act(narrowed, delegate, Delegate(to="ben", until=world.clock() + DAY))


async def test_giver_taker_or_an_admin_end_it_once(world: World) -> None:
    await world.person("otto", Role.APPROVER)
    for by in ("maria", "ben", "ada"):
        made = await hand_over(world, "maria", "ben")
        with pytest.raises(NotPermitted):
            await world.act("otto", end_delegation, made.id)
        world.clock.advance(timedelta(seconds=1))
        assert (await world.act(by, end_delegation, made.id)).ended_by == by
        with pytest.raises(IllegalMove):
            await world.act(by, end_delegation, made.id)
    with pytest.raises(DelegationNotFound):
        await world.act("maria", end_delegation, "nothing")
    over = await hand_over(world, "maria", "ben", days=1)
    world.clock.advance(DAY)
    with pytest.raises(IllegalMove):
        await world.act("maria", end_delegation, over.id)


async def test_who_stands_in_for_whom_is_told(world: World) -> None:
    await world.act("ada", create_grant, CreateGrant(role="approver", pattern="*", principal="carl"))
    await hand_over(world, "maria", "ben", days=3)
    await hand_over(world, "carl", "maria", starts_at=world.clock() + DAY, days=9)

    async def listed(**given: Any) -> list[tuple[str, str]]:
        found = await world.look("rita", list_delegations, PageRequest(), **given)
        return [(one.principal, one.to) for one in found.items]

    assert await listed() == [("carl", "maria"), ("maria", "ben")]
    assert await listed(in_force=True) == [("maria", "ben")]
    assert await listed(principal="ben") == [("maria", "ben")]
    assert await listed(principal="maria") == [("carl", "maria"), ("maria", "ben")]
    kinds = [event.kind for event in await world.events() if event.kind.startswith("delegation.")]
    assert kinds == [EventKind.DELEGATION_CREATED] * 2

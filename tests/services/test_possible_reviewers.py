"""Whom to ask for the reviews that a promotion waits for."""

from __future__ import annotations

import pytest

from registry_service.db.queries.inbox import get_inbox
from registry_service.db.queries.possible_reviewers import list_possible_reviewers
from registry_service.domain.entities import PrincipalKind, Promotion
from registry_service.domain.errors import PromotionNotFound
from registry_service.domain.permissions import Role
from registry_service.domain.policies import PolicyDocument, ReviewRule
from registry_service.domain.requests import CreateGrant, Delegate, UpdatePrincipal, WriteGroup
from registry_service.services.delegations import delegate
from registry_service.services.principals import create_grant, update_principal, write_group
from tests.services.world import DAY, World

RISK = PolicyDocument(
    name="risk",
    rules=(ReviewRule(name="risk", group="risk"), ReviewRule(name="lead", people=("maria",))),
    delegation=True,
)


async def could(world: World, promotion: Promotion, by: str = "rita") -> dict[str, list[str]]:
    """Who could approve, and for whom besides themselves."""
    found = await world.look(by, list_possible_reviewers, promotion.id)
    return {one.name: one.standing_in_for for one in found.people}


async def inboxes(world: World, *people: str) -> set[str]:
    """For whom a review waits."""
    return {who for who in people if (await world.look(who, get_inbox)).reviews}


async def test_those_are_named_for_whom_the_review_waits(world: World) -> None:
    await world.person("olga", Role.APPROVER, "fraud*")
    await world.person("otto", Role.APPROVER, "churn")
    await world.person("gone", Role.APPROVER)
    await world.principal("robot", PrincipalKind.SERVICE, owners=["rita"])
    await world.grant("robot", Role.APPROVER)
    await world.act("ada", update_principal, "gone", UpdatePrincipal(disabled=True))
    await world.registered(1)
    promotion = await world.request(1)
    found = await world.look("rita", list_possible_reviewers, promotion.id)
    assert [one.name for one in found.people] == ["ben", "maria", "olga"]
    assert found.missing == [one for one in promotion.decision.reasons if one.code == "review_missing"] != []
    assert not found.more
    # Not ada, who owns the service that asked.
    assert await inboxes(world, "ada", "ben", "maria", "carl", "rita", "olga", "otto") == {"ben", "maria", "olga"}
    few = await world.look("rita", list_possible_reviewers, promotion.id, judged=2)
    assert ([one.name for one in few.people], few.more) == (["ben"], True)


async def test_through_groups_and_for_others(world: World) -> None:
    await world.policy(RISK)
    for name in ("anna", "olga"):
        await world.person(name)
    await world.act("ada", write_group, "risk", WriteGroup(members=["anna", "ben"]))
    await world.act("ada", create_grant, CreateGrant(group="risk", role=Role.APPROVER))
    await world.registered(1)
    promotion = await world.request(1)
    assert await could(world, promotion) == {"anna": [], "ben": [], "maria": []}
    await world.act("maria", delegate, Delegate(to="anna", until=world.clock.now + DAY))
    assert await could(world, promotion) == {"anna": ["maria"], "ben": [], "maria": []}
    promotion = await world.approve("ben", promotion)
    # What is missing now is maria's, or anna's in her place.
    assert await could(world, promotion) == {"anna": ["maria"], "maria": []}
    assert await inboxes(world, "anna", "ben", "maria") == {"anna", "maria"}


async def test_nobody_where_nothing_is_missing_or_nobody_may(world: World) -> None:
    await world.registered(2)
    approved = await world.approved(1)
    assert (await world.look("rita", list_possible_reviewers, approved.id)).missing == []
    assert await could(world, approved) == {}
    assert await could(world, await world.apply(approved)) == {}
    # Named by a rule, and without the role that reviewing takes.
    await world.policy(PolicyDocument(name="named", rules=(ReviewRule(name="who", people=("carl",)),)))
    waiting = await world.request(2)
    assert await could(world, waiting) == {"ben": [], "maria": []}
    for name in ("ben", "maria"):
        await world.act("ada", update_principal, name, UpdatePrincipal(disabled=True))
    found = await world.look("rita", list_possible_reviewers, waiting.id)
    assert (len(found.missing), found.people, found.more) == (2, [], False)


async def test_out_of_sight_there_is_none(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    await world.person("eve", Role.READER, "churn")
    with pytest.raises(PromotionNotFound):
        await could(world, promotion, by="eve")

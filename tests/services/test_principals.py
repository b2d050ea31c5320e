from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

import pytest

from registry_service.db.queries.principals import get_principal, list_groups, list_principals
from registry_service.domain.entities import PrincipalKind
from registry_service.domain.errors import (
    AlreadyExists,
    GroupNotFound,
    InvalidInput,
    InvalidName,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PersonRequired,
    PrincipalNotFound,
)
from registry_service.domain.permissions import Role
from registry_service.domain.requests import CreateGrant, CreatePrincipal, UpdatePrincipal, WriteGroup
from registry_service.services.principals import (
    create_grant,
    create_principal,
    remove_grant,
    remove_group,
    update_principal,
    write_group,
)
from tests.services.world import World


async def gather(acts: Sequence[Awaitable[object]]) -> list[object]:
    """What each came to, or what it was refused with."""
    return list(await asyncio.gather(*acts, return_exceptions=True))


async def test_people_and_services_are_made_by_admins(world: World) -> None:
    await world.person("otto", Role.READER)
    made = await world.look("rita", get_principal, "otto")
    assert (made.kind, made.owners, [(one.role, one.pattern) for one in made.grants]) == (
        PrincipalKind.PERSON,
        [],
        [("reader", "*")],
    )
    assert [one.name for one in await world.look_at_all("rita", list_principals)] == sorted(
        ["ada", "airflow", "ben", "carl", "maria", "otto", "rita"]
    )
    for who, refusal in (("ben", NotPermitted), ("airflow", PersonRequired)):
        with pytest.raises(refusal):
            await world.act(who, create_principal, CreatePrincipal(name="eve", kind=PrincipalKind.PERSON))


async def test_a_service_is_answered_for_by_people(world: World) -> None:
    for owners in ([], ["airflow"]):
        with pytest.raises(InvalidInput):
            await world.principal("jenkins", PrincipalKind.SERVICE, owners=owners)
    with pytest.raises(PrincipalNotFound):
        await world.principal("jenkins", PrincipalKind.SERVICE, owners=["nobody"])
    with pytest.raises(InvalidInput):
        await world.act(
            "ada", create_principal, CreatePrincipal(name="otto", kind=PrincipalKind.PERSON, owners=["ada"])
        )
    with pytest.raises(InvalidInput):
        await world.act("ada", update_principal, "airflow", UpdatePrincipal(owners=[]))


async def test_a_name_is_taken_once(world: World) -> None:
    with pytest.raises(AlreadyExists):
        await world.principal("ben", PrincipalKind.PERSON)
    with pytest.raises(InvalidName):
        await world.principal("ben\n", PrincipalKind.PERSON)
    made = await asyncio.gather(
        *(world.principal("otto", PrincipalKind.PERSON) for _ in range(3)), return_exceptions=True
    )
    assert [type(one).__name__ for one in made].count("AlreadyExists") == 2


async def test_a_grant_says_what_on_which_models(world: World) -> None:
    grant = await world.act("ada", create_grant, CreateGrant(principal="rita", role="contributor", pattern="churn*"))
    again = await world.act("ada", create_grant, CreateGrant(principal="rita", role="contributor", pattern="churn*"))
    assert again == grant
    await world.model("churn-de", by="rita")
    with pytest.raises(NotPermitted):
        await world.model("fraud", by="rita")
    await world.act("ada", remove_grant, grant.id)
    with pytest.raises(NotPermitted):
        await world.model("churn-fr", by="rita")
    with pytest.raises(NotFound):
        await world.act("ada", remove_grant, grant.id)


@pytest.mark.parametrize(
    "body",
    [
        {"role": "owner", "principal": "rita"},
        {"role": "reader"},
        {"role": "reader", "principal": "rita", "group": "risk"},
        {"role": "reader", "principal": "rita", "pattern": "[a-z]"},
    ],
)
async def test_a_grant_that_makes_no_sense_is_refused(world: World, body: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        await world.act("ada", create_grant, CreateGrant(**body))


async def test_members_of_a_group_have_what_it_is_granted(world: World) -> None:
    await world.registered(1)
    await world.person("otto", Role.READER)
    await world.act("ada", write_group, "risk", WriteGroup(members=["otto", "otto"]))
    await world.act("ada", create_grant, CreateGrant(group="risk", role="approver", pattern="fraud"))
    promotion = await world.approve("otto", await world.request(1))
    assert promotion.phase == "APPROVED"
    await world.act("ada", write_group, "risk", WriteGroup(members=[]))
    assert (await world.promotion(promotion)).phase == "PENDING"
    await world.act("ada", write_group, "risk", WriteGroup(members=["otto"]))
    assert (await world.promotion(promotion)).phase == "APPROVED"
    await world.act("ada", remove_group, "risk")
    assert (await world.promotion(promotion)).phase == "PENDING"
    assert await world.look_at_all("rita", list_groups) == []
    with pytest.raises(GroupNotFound):
        await world.act("ada", remove_group, "risk")


# ----------------------------------------------------------------------------------------------- the last admin


async def test_the_last_admin_stays(world: World) -> None:
    with pytest.raises(NotPermitted, match="without an admin"):
        await world.act("ada", remove_grant, await world.grant_id("ada"))
    with pytest.raises(NotPermitted, match="themselves"):
        await world.act("ada", update_principal, "ada", UpdatePrincipal(disabled=True))


async def test_an_admin_through_a_group_is_an_admin(world: World) -> None:
    await world.act("ada", write_group, "admins", WriteGroup(members=["ben"]))
    await world.act("ada", create_grant, CreateGrant(group="admins", role="admin"))
    await world.act("ada", remove_grant, await world.grant_id("ada"))
    for leave in (
        world.act("ben", write_group, "admins", WriteGroup(members=[])),
        world.act("ben", remove_group, "admins"),
    ):
        with pytest.raises(NotPermitted, match="without an admin"):
            await leave


async def test_a_service_or_an_admin_of_some_models_is_not_the_admin_who_must_stay(world: World) -> None:
    await world.grant("airflow", Role.ADMIN)
    await world.grant("ben", Role.ADMIN, "fraud*")
    with pytest.raises(NotPermitted, match="without an admin"):
        await world.act("ada", remove_grant, await world.grant_id("ada"))


@pytest.mark.parametrize("how", ["disable", "revoke"])
async def test_two_admins_can_not_end_each_other_at_once(world: World, how: str) -> None:
    await world.person("olga", Role.ADMIN)
    if how == "disable":
        acts = [
            world.act("ada", update_principal, "olga", UpdatePrincipal(disabled=True)),
            world.act("olga", update_principal, "ada", UpdatePrincipal(disabled=True)),
        ]
        outcomes = await gather(acts)
    else:
        ids = [await world.grant_id("olga"), await world.grant_id("ada")]
        removals = [world.act("ada", remove_grant, ids[0]), world.act("olga", remove_grant, ids[1])]
        outcomes = await gather(removals)
    # Who comes second may find that they are out, or that they would leave nobody.
    assert sum(isinstance(outcome, NotPermitted | NotAuthenticated) for outcome in outcomes) == 1

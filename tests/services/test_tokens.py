from __future__ import annotations

from typing import Any

import pytest

from registry_service.db.queries.authentication import find_known_token
from registry_service.db.queries.tokens import list_tokens, who_am_i
from registry_service.domain.entities import IssuedToken, PrincipalKind
from registry_service.domain.errors import (
    InvalidInput,
    ModelNotFound,
    NotAuthenticated,
    NotPermitted,
    PersonRequired,
    PrincipalNotFound,
    TokenNotFound,
)
from registry_service.domain.permissions import Actor, Role
from registry_service.domain.requests import CreatePrincipal, CreateToken, UpdatePrincipal
from registry_service.domain.tokens import TokenKind, parse_token
from registry_service.services.principals import create_principal, remove_grant, update_principal
from registry_service.services.tokens import create_token, revoke_token
from tests.services.world import ALL, DAY, World


async def issue(world: World, who: str | Actor, **body: Any) -> IssuedToken:
    return await world.act(who, create_token, CreateToken(**({"name": "laptop"} | body)))


async def test_who_is_out_by_the_end_of_a_request_does_nothing_with_it(world: World) -> None:
    """A request is let in by its head, and its body may come much later."""
    token = (await world.act("ben", create_token, CreateToken(name="laptop"))).info.id
    let_in = await world.actor("ben", token=token)
    await world.act("ben", revoke_token, token)
    with pytest.raises(NotAuthenticated):
        await world.act(let_in, create_token, CreateToken(name="another"))
    await world.person("olga", Role.ADMIN)
    let_in = await world.actor("olga")
    await world.act("ada", update_principal, "olga", UpdatePrincipal(disabled=True))
    with pytest.raises(NotAuthenticated):
        await world.act(let_in, update_principal, "olga", UpdatePrincipal(disabled=False))
    await world.act("ada", update_principal, "olga", UpdatePrincipal(disabled=False))
    let_in = await world.actor("olga")
    await world.act("ada", remove_grant, await world.grant_id("olga"))
    with pytest.raises(NotPermitted, match="roles changed"):
        await world.act(let_in, create_principal, CreatePrincipal(name="eve", kind=PrincipalKind.PERSON))


async def test_the_secret_is_in_the_answer_and_nowhere_else(world: World) -> None:
    issued = await issue(world, "carl", expires_in_days=30)
    presented = parse_token(issued.token)
    known = await world.registry.database.read(find_known_token, token_id=presented.id)
    assert known is not None
    assert presented.matches(known.secret_hash)
    assert presented.secret not in known.secret_hash
    assert presented.kind is TokenKind.PERSONAL
    assert (known.actor.name, known.expires_at, known.revoked) == ("carl", world.clock.now + 30 * DAY, False)
    told = [str(event.data) + str(event.subject) for event in await world.events("token.*")]
    assert not any(presented.secret in text for text in told)


async def test_a_token_narrows_what_its_owner_may_do(world: World) -> None:
    await world.registered(1)
    narrow = await issue(world, "ben", role="contributor", patterns=["fraud*"])
    ben = await world.actor("ben", token=narrow.info.id)
    promotion = await world.request(1)
    with pytest.raises(NotPermitted):
        await world.approve(ben, promotion)
    with pytest.raises((NotPermitted, ModelNotFound)):
        await world.act(ben, create_token, CreateToken(name="wider", patterns=["*"]))
    await world.registered(1, "churn")
    with pytest.raises(ModelNotFound):
        await world.request(1, model="churn", by=ben)


async def test_a_token_makes_no_wider_or_longer_one(world: World) -> None:
    narrow = await issue(world, "ben", role="contributor", patterns=["fraud*", "churn"], expires_in_days=10)
    ben = await world.actor("ben", token=narrow.info.id)
    for wider in ({"role": "approver"}, {"role": "admin"}, {"patterns": ["*"]}, {"patterns": ["fraud-de", "other"]}):
        with pytest.raises(NotPermitted):
            await issue(world, ben, **wider)
    child = await issue(world, ben, expires_in_days=300)
    assert (child.info.role, child.info.patterns) == ("contributor", ["fraud*", "churn"])
    assert child.info.expires_at == narrow.info.expires_at
    assert (await issue(world, ben, role="reader", patterns=["fraud-de"])).info.role == "reader"


async def test_tokens_of_others_are_for_admins_who_are_people(world: World) -> None:
    await world.grant("airflow", Role.ADMIN)
    for who, refusal in (("ben", NotPermitted), ("airflow", PersonRequired)):
        with pytest.raises(refusal):
            await issue(world, who, principal="maria")
    made = await issue(world, "ada", principal="airflow")
    assert parse_token(made.token).kind is TokenKind.SERVICE
    with pytest.raises(PrincipalNotFound):
        await issue(world, "ada", principal="nobody")


async def test_a_narrowed_admin_token_makes_none_for_others(world: World) -> None:
    narrow = await issue(world, "ada", patterns=["fraud*"])
    ada = await world.actor("ada", token=narrow.info.id)
    with pytest.raises(NotPermitted):
        await issue(world, ada, principal="ben")


async def test_a_token_is_ended_by_its_owner_or_an_admin(world: World) -> None:
    mine, theirs = await issue(world, "carl"), await issue(world, "ben")
    with pytest.raises(TokenNotFound):
        await world.act("carl", revoke_token, theirs.info.id)
    for who, token in (("carl", mine), ("ada", theirs), ("ada", theirs)):
        ended = await world.act(who, revoke_token, token.info.id)
        assert ended.revoked_at == world.clock.now
    assert await world.kinds("token.revoked") == ["token.revoked"] * 2
    known = await world.registry.database.read(find_known_token, token_id=mine.info.id)
    assert known is not None and known.revoked


async def test_tokens_are_listed_for_their_owner_and_admins(world: World) -> None:
    made = await issue(world, "carl")
    assert made.info in await world.look_at_all("carl", list_tokens)
    with pytest.raises(NotPermitted):
        await world.look("ben", list_tokens, ALL, principal="carl")
    assert made.info in (await world.look("ada", list_tokens, ALL, principal="carl")).items
    me = await world.look("carl", who_am_i, registry_version="1")
    assert (me.principal.name, me.token.principal) == ("carl", "carl")


@pytest.mark.parametrize(
    "narrowing", [{"role": "approver"}, {"patterns": ["fraud*"]}, {"role": "reader", "patterns": ["*"]}]
)
async def test_a_narrowed_token_reaches_no_other_of_its_owner(world: World, narrowing: dict[str, Any]) -> None:
    wide, narrow = await issue(world, "ben"), await issue(world, "ben", **narrowing)
    ben = await world.actor("ben", token=narrow.info.id)
    assert await world.look_at_all(ben, list_tokens) == [narrow.info]
    with pytest.raises(TokenNotFound):
        await world.act(ben, revoke_token, wide.info.id)
    assert (await world.look(ben, who_am_i, registry_version="1")).token == narrow.info
    assert (await world.act(ben, revoke_token, narrow.info.id)).revoked_at is not None
    assert (await world.act("ben", revoke_token, wide.info.id)).revoked_at is not None


async def test_an_admins_token_on_some_models_ends_no_other(world: World) -> None:
    narrow = await issue(world, "ada", patterns=["fraud*"])
    theirs = await issue(world, "carl")
    ada = await world.actor("ada", token=narrow.info.id)
    for token in (theirs.info.id, world.token("ada")):
        with pytest.raises(TokenNotFound):
            await world.act(ada, revoke_token, token)
    whole = await world.actor("ada", token=(await issue(world, "ada", role="admin")).info.id)
    await world.act(whole, revoke_token, world.token("ada"))


async def test_a_disabled_principal_gets_no_token(world: World) -> None:
    await world.act("ada", update_principal, "carl", UpdatePrincipal(disabled=True))
    with pytest.raises(NotPermitted):
        await issue(world, "ada", principal="carl")
    known = await world.registry.database.read(find_known_token, token_id=world.token("carl"))
    assert known is not None and known.disabled


@pytest.mark.parametrize(
    "body",
    [
        {"name": " "},
        {"name": "x" * 201},
        {"name": "a\0b"},
        {"expires_in_days": 0},
        {"expires_in_days": 10**9},
        {"role": "owner"},
        {"patterns": ["[a]"]},
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(world: World, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await issue(world, "carl", **body)

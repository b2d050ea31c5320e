from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from registry_service.db.queries.authentication import find_known_token
from registry_service.db.queries.tokens import list_tokens
from registry_service.db.tables import tokens
from registry_service.domain.errors import InvalidInput, NotAuthenticated, PersonRequired
from registry_service.domain.permissions import Actor
from registry_service.domain.requests import CreateLoginLink, CreateToken, UpdatePrincipal
from registry_service.domain.tokens import TokenKind, parse_token
from registry_service.services.principals import update_principal
from registry_service.services.sessions import create_login_link, end_session, end_sessions, open_session
from registry_service.services.tokens import create_token, revoke_token
from tests.services.world import DAY, World


async def is_good(world: World, token_id: str) -> bool:
    known = await world.registry.database.read(find_known_token, token_id=token_id)
    return known is not None and known.is_good(world.clock.now)


async def open_with(world: World, who: str | Actor, token_id: str) -> str:
    """The id of a session that is opened with a token, or with what a login link holds."""
    opened = parse_token((await world.act(who, open_session, token_id)).text)
    assert opened.kind is TokenKind.SESSION
    return opened.id


async def test_a_link_opens_one_session_and_no_second(world: World) -> None:
    link = await world.act("ben", create_login_link, CreateLoginLink(path="/models/fraud"))
    address, _, fragment = link.url.partition("#")
    secret, _, path = fragment.partition("/")
    assert (address.endswith("/login"), path) == (True, "models/fraud")
    assert link.expires_at == world.clock.now + timedelta(seconds=60)
    shown = parse_token(secret)
    assert shown.kind is TokenKind.LOGIN
    session = await open_with(world, "ben", shown.id)
    assert await is_good(world, session)
    with pytest.raises(NotAuthenticated, match="used before"):
        await world.act("ben", open_session, shown.id)
    assert not await is_good(world, shown.id)


@pytest.mark.parametrize(
    "path", ["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example", "", "/a b"]
)
async def test_a_link_leads_nowhere_else(world: World, path: str) -> None:
    with pytest.raises(InvalidInput):
        await world.act("ben", create_login_link, CreateLoginLink(path=path))


async def test_sessions_are_for_people(world: World) -> None:
    with pytest.raises(PersonRequired):
        await world.act("airflow", create_login_link, CreateLoginLink())
    with pytest.raises(PersonRequired):
        await world.act("airflow", open_session, world.token("airflow"))


async def test_a_session_ends_by_itself_and_never_after_what_opened_it(world: World) -> None:
    session = await open_with(world, "ben", world.token("ben"))
    world.clock.now += timedelta(hours=12) - timedelta(seconds=1)
    assert await is_good(world, session)
    world.clock.now += timedelta(seconds=1)
    assert not await is_good(world, session)
    short = await world.act("ben", create_token, CreateToken(name="short", expires_in_days=1))
    world.clock.now += DAY - timedelta(hours=1)
    session = await open_with(world, await world.actor("ben", token=short.info.id), short.info.id)
    world.clock.now += timedelta(hours=1)
    assert not await is_good(world, session)


async def test_who_ends_a_token_ends_the_sessions_that_it_opened(world: World) -> None:
    token = (await world.act("ben", create_token, CreateToken(name="laptop"))).info.id
    ben = await world.actor("ben", token=token)
    first = await open_with(world, ben, token)
    link = await world.act(ben, create_login_link, CreateLoginLink())
    shown = parse_token(link.url.partition("#")[2].partition("/")[0])
    second = await open_with(world, ben, shown.id)
    other = await open_with(world, "ben", world.token("ben"))
    # A link that is asked for in a session ends with what opened that one.
    in_session = await world.actor("ben", token=second)
    third = await world.act(in_session, create_login_link, CreateLoginLink())
    await world.act("ben", revoke_token, token)
    assert not await is_good(world, parse_token(third.url.partition("#")[2].partition("/")[0]).id)
    assert [await is_good(world, one) for one in (first, second, other)] == [False, False, True]


@pytest.mark.parametrize("by_link", [False, True])
async def test_no_session_outlives_a_token_that_is_ended_while_it_is_opened(world: World, by_link: bool) -> None:
    for _ in range(12):
        token = (await world.act("ben", create_token, CreateToken(name="laptop"))).info.id
        ben = await world.actor("ben", token=token)
        shown = token
        if by_link:
            link = await world.act(ben, create_login_link, CreateLoginLink())
            shown = parse_token(link.url.partition("#")[2].partition("/")[0]).id
        opened, revoked = await asyncio.gather(
            world.act(ben, open_session, shown), world.act("ben", revoke_token, token), return_exceptions=True
        )
        assert not isinstance(revoked, BaseException)
        if isinstance(opened, BaseException):
            assert isinstance(opened, NotAuthenticated), opened
        else:
            assert not await is_good(world, parse_token(opened.text).id)


async def test_no_link_outlives_a_token_that_is_ended_while_it_is_made(world: World) -> None:
    for _ in range(12):
        token = (await world.act("ben", create_token, CreateToken(name="laptop"))).info.id
        ben = await world.actor("ben", token=token)
        made, _ = await asyncio.gather(
            world.act(ben, create_login_link, CreateLoginLink()),
            world.act("ben", revoke_token, token),
            return_exceptions=True,
        )
        if isinstance(made, BaseException):
            assert isinstance(made, NotAuthenticated), made
        else:
            assert not await is_good(world, parse_token(made.url.partition("#")[2].partition("/")[0]).id)


async def test_no_link_and_no_session_comes_to_be_beside_the_end_of_all(world: World) -> None:
    for _ in range(12):
        session = await open_with(world, "ben", world.token("ben"))
        in_session = await world.actor("ben", token=session)
        link = await world.act("ben", create_login_link, CreateLoginLink())
        shown = parse_token(link.url.partition("#")[2].partition("/")[0]).id
        made, opened, _ = await asyncio.gather(
            world.act(in_session, create_login_link, CreateLoginLink()),
            world.act("ben", open_session, shown),
            world.act("ben", end_sessions),
            return_exceptions=True,
        )
        if isinstance(opened, BaseException):
            assert isinstance(opened, NotAuthenticated), opened
        else:
            assert not await is_good(world, parse_token(opened.text).id)
        if isinstance(made, BaseException):
            assert isinstance(made, NotAuthenticated), made
        else:
            assert not await is_good(world, parse_token(made.url.partition("#")[2].partition("/")[0]).id)


async def test_ending_a_token_again_ends_what_came_of_it_since(world: World) -> None:
    """As may be in databases from before, where a session could be opened with a token that was ended meanwhile."""
    token = (await world.act("ben", create_token, CreateToken(name="laptop"))).info.id
    session = await open_with(world, await world.actor("ben", token=token), token)
    await world.act("ben", revoke_token, token)
    await world.registry.database.write(
        lambda connection: connection.execute(update(tokens).where(tokens.c.id == session).values(revoked_at=None))
    )
    assert await is_good(world, session)
    await world.act("ben", revoke_token, token)
    assert not await is_good(world, session)


async def test_a_session_may_do_no_more_than_what_opened_it(world: World) -> None:
    narrow = (await world.act("ben", create_token, CreateToken(name="x", role="reader", patterns=["fraud*"]))).info.id
    session = await open_with(world, await world.actor("ben", token=narrow), narrow)
    ben = await world.actor("ben", token=session)
    assert (ben.token_role, ben.token_patterns) == ("reader", ("fraud*",))
    link = await world.act(ben, create_login_link, CreateLoginLink())
    shown = parse_token(link.url.partition("#")[2].partition("/")[0])
    again = await world.actor("ben", token=await open_with(world, ben, shown.id))
    assert (again.token_role, again.token_patterns) == ("reader", ("fraud*",))


async def test_a_token_made_in_a_session_lives_as_long_as_one_made_with_what_opened_it(world: World) -> None:
    opener = (await world.act("ben", create_token, CreateToken(name="x", expires_in_days=10))).info
    session = await open_with(world, await world.actor("ben", token=opener.id), opener.id)
    ben = await world.actor("ben", token=session)
    made = await world.act(ben, create_token, CreateToken(name="y", expires_in_days=90))
    assert made.info.expires_at == opener.expires_at
    assert parse_token(made.token).kind is TokenKind.PERSONAL


async def test_logging_out_ends_this_session_or_all(world: World) -> None:
    sessions = [await open_with(world, "ben", world.token("ben")) for _ in range(3)]
    theirs = await open_with(world, "carl", world.token("carl"))
    await world.act(await world.actor("ben", token=sessions[0]), end_session)
    assert [await is_good(world, one) for one in sessions] == [False, True, True]
    with pytest.raises(InvalidInput):
        await world.act("ben", end_session)
    link = await world.act("ben", create_login_link, CreateLoginLink())
    assert (await world.act("ben", end_sessions)).ended == 2
    assert not await is_good(world, parse_token(link.url.partition("#")[2].partition("/")[0]).id)
    assert not any([await is_good(world, one) for one in sessions])
    assert (await world.act("ben", end_sessions)).ended == 0
    assert await is_good(world, theirs) and await is_good(world, world.token("ben"))


async def test_a_narrowed_token_ends_the_sessions_that_it_opened_alone(world: World) -> None:
    narrow = (await world.act("ben", create_token, CreateToken(name="x", role="reader"))).info.id
    ben = await world.actor("ben", token=narrow)
    own, other = await open_with(world, ben, narrow), await open_with(world, "ben", world.token("ben"))
    assert (await world.act(ben, end_sessions)).ended == 1
    assert [await is_good(world, one) for one in (own, other)] == [False, True]


async def test_sessions_are_listed_as_tokens_and_links_are_not(world: World) -> None:
    session = await open_with(world, "ben", world.token("ben"))
    await world.act("ben", create_login_link, CreateLoginLink())
    kinds = {token.id: token.kind for token in await world.look_at_all("ben", list_tokens)}
    assert kinds[session] == "session"
    assert "login" not in kinds.values()


async def test_whoever_is_disabled_has_no_session(world: World) -> None:
    session = await open_with(world, "carl", world.token("carl"))
    await world.act("ada", update_principal, "carl", UpdatePrincipal(disabled=True))
    assert not await is_good(world, session)

"""Tokens, and who one is by them."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from registry_service.db.paging import PageRequest
from registry_service.db.queries import tokens as queries
from registry_service.domain.entities import EndedSessions, IssuedToken, LoginLink, Page, Token, WhoAmI
from registry_service.domain.permissions import Action
from registry_service.domain.requests import CreateLoginLink, CreateToken
from registry_service.services import sessions
from registry_service.services import tokens as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.authentication import ANY_TOKEN
from registry_service.web.caller import Caller
from registry_service.web.release import RELEASE

Whose = Annotated[str | None, QueryParameter(description="Whose tokens; the caller's own where not given.")]


class Tokens(Controller):
    path = "/"
    tags = ("tokens",)

    @get("/whoami", action=ANY_TOKEN)
    async def who_am_i(self, caller: NamedDependency[Caller]) -> Encoded[WhoAmI]:
        """The caller, as the registry knows them."""
        return await caller.read(queries.who_am_i, registry_version=RELEASE)

    @get("/tokens", action=Action.TOKEN_OWN)
    async def list_tokens(
        self,
        caller: NamedDependency[Caller],
        page: NamedDependency[PageRequest],
        principal: FromQuery[Whose] = None,
    ) -> Encoded[Page[Token]]:
        """Tokens, without their secrets, and sessions of browsers."""
        return await caller.list(queries.list_tokens, page, principal=principal)

    @post("/tokens", action=Action.TOKEN_OWN)
    async def create_token(self, caller: NamedDependency[Caller], data: JSONBody[CreateToken]) -> Encoded[IssuedToken]:
        """A new token, never wider or longer than the caller's. Its secret is in this answer and nowhere else."""
        return await caller.make_secret(use_cases.create_token, data)

    @delete("/tokens/{token:str}", action=Action.TOKEN_OWN, status_code=200)
    async def revoke_token(self, caller: NamedDependency[Caller], token: FromPath[str]) -> Encoded[Token]:
        """End a token at once, with the sessions that were opened with it."""
        return await caller.change(use_cases.revoke_token, token)

    @post("/login-links", action=Action.SESSION_OWN)
    async def create_login_link(
        self, caller: NamedDependency[Caller], data: JSONBody[CreateLoginLink]
    ) -> Encoded[LoginLink]:
        """A link that opens one session of the caller's in a browser, once and within a minute; for people. The session
        may do no more than the token that is asked with, and ends with it."""
        return await caller.make_secret(sessions.create_login_link, data)

    @delete("/sessions", action=Action.SESSION_OWN, status_code=200)
    async def end_sessions(self, caller: NamedDependency[Caller]) -> Encoded[EndedSessions]:
        """Log the caller out in every browser; with a narrowed token, where it was used to log in."""
        return await caller.change(sessions.end_sessions)

"""People and services, their groups and roles, and the tokens that they hold."""

from __future__ import annotations

from typing import Final, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from registry_service.db.paging import PageRequest
from registry_service.db.queries.principals import get_principal, list_groups, list_principals
from registry_service.db.queries.tokens import list_tokens
from registry_service.db.view import View
from registry_service.domain.entities import Group, Page, Principal, Token
from registry_service.domain.permissions import Action, Role, may
from registry_service.web.ui.parameters import Cursor, page_request
from registry_service.web.ui.visit import Visit

_GROUPS: Final = 200
_TOKENS: Final = 100
ROLES: Final = tuple(role.value for role in Role)


class People(NamedTuple):
    principals: Page[Principal]
    groups: Page[Group]
    roles: tuple[str, ...] = ROLES


def look_at_people(view: View, page: PageRequest) -> People:
    return People(list_principals(view, page), list_groups(view, PageRequest(limit=_GROUPS)))


@get("/admin/people", action=Action.PRINCIPAL_READ, include_in_schema=False)
async def people_page(visit: NamedDependency[Visit], cursor: FromQuery[Cursor] = None) -> Response[str]:
    return await visit.page("admin/people.html", look_at_people, page_request(None, None, cursor))


class OnePerson(NamedTuple):
    """`tokens`: None where they are none of the caller's business."""

    principal: Principal
    tokens: Page[Token] | None
    roles: tuple[str, ...] = ROLES


def look_at_person(view: View, name: str) -> OnePerson:
    """:raises PrincipalNotFound: there is nobody of this name."""

    principal = get_principal(view, name)
    tokens = None
    if name == view.actor.name or may(view.actor, Action.TOKEN_WRITE, None):
        tokens = list_tokens(view, PageRequest(limit=_TOKENS), principal=name)
    return OnePerson(principal, tokens)


@get("/admin/people/{name:str}", action=Action.PRINCIPAL_READ, include_in_schema=False)
async def person_page(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[str]:
    return await visit.page("admin/person.html", look_at_person, name)


class Tokens(NamedTuple):
    tokens: Page[Token]
    roles: tuple[str, ...] = ROLES


def look_at_tokens(view: View, page: PageRequest) -> Tokens:
    return Tokens(list_tokens(view, page))


@get("/tokens", action=Action.TOKEN_OWN, include_in_schema=False)
async def tokens_page(visit: NamedDependency[Visit], cursor: FromQuery[Cursor] = None) -> Response[str]:
    """One's own."""
    return await visit.page("tokens.html", look_at_tokens, page_request(None, None, cursor))

"""Tokens, never with their secrets."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, select, true

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.queries.principals import describe_principals, find_principal
from registry_service.db.tables import tokens
from registry_service.db.view import View
from registry_service.domain.entities import Page, Token, WhoAmI
from registry_service.domain.errors import TokenNotFound
from registry_service.domain.permissions import Action, may
from registry_service.domain.tokens import TokenKind

_ORDERING = Ordering(columns={"created_at": tokens.c.created_at}, tie_breakers=[tokens.c.id], default="created_at desc")


def find_token(view: View, token_id: str) -> Row[Any]:
    """A token of the caller's own; of anybody's for those who may write tokens. To a narrowed token its owner's others
    are as those of somebody else: whoever got hold of it may not end the rest.

    :raises TokenNotFound: there is none, or it is somebody else's.
    """

    found = select(tokens).where(tokens.c.id == token_id, _in_reach(view))
    row = view.connection.execute(found).one_or_none()
    if row is None:
        raise TokenNotFound(
            f"There is no token '{token_id}', or it is not in the reach of the one that you ask with.", token=token_id
        )
    return row


def list_tokens(view: View, page: PageRequest, *, principal: str | None = None) -> Page[Token]:
    """The caller's tokens and sessions, to a narrowed token itself alone; those of others for who may write tokens."""

    refuse_filter(page)
    whose = principal or view.actor.name
    if whose != view.actor.name:
        view.authorize(Action.TOKEN_WRITE, None)
        find_principal(view, whose)
    statement = select(tokens).where(tokens.c.principal == whose, tokens.c.kind != TokenKind.LOGIN, _in_reach(view))
    return page_of(view.connection, statement, _ORDERING, page, lambda rows: [describe_token(row) for row in rows])


def _in_reach(view: View) -> ColumnElement[bool]:
    if may(view.actor, Action.TOKEN_WRITE, None):
        return true()
    if view.actor.is_narrowed:
        return tokens.c.id == view.actor.token_id
    return tokens.c.principal == view.actor.name


def who_am_i(view: View, *, registry_version: str) -> WhoAmI:
    return WhoAmI(
        principal=describe_principals(view, [find_principal(view, view.actor.name)])[0],
        token=describe_token(find_token(view, view.actor.token_id)),
        registry_version=registry_version,
    )


def describe_token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        kind=row.kind,
        principal=row.principal,
        role=row.role,
        patterns=row.patterns,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )

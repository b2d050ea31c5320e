"""Issuing and revoking tokens."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, insert, select, update

from registry_service.db.locks import lock_key
from registry_service.db.queries.principals import find_principal
from registry_service.db.queries.tokens import describe_token, find_token
from registry_service.db.tables import tokens
from registry_service.domain.entities import IssuedToken, PrincipalKind, Token
from registry_service.domain.errors import InvalidInput, NotPermitted
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import ALLOWED, Action, Role, check_pattern, reaches_no_further
from registry_service.domain.requests import CreateToken
from registry_service.domain.tokens import BEARERS, ENTROPY_BYTES, NewToken, TokenKind, new_token
from registry_service.failpoints import reach
from registry_service.services.principals import check_role
from registry_service.services.texts import check_line
from registry_service.services.work import Work

MAX_DAYS: Final = 366


def create_token(work: Work, body: CreateToken) -> IssuedToken:
    """A token for the caller, never wider or longer than the one they ask with; for somebody else by an admin, who is
    a person. The secret is in this answer and nowhere else.

    :raises NotPermitted: it would be wider or live longer than the caller's token.
    """

    whose = body.principal or work.actor.name
    work.authorize_somewhere(Action.TOKEN_OWN)
    if whose != work.actor.name:
        work.authorize(Action.TOKEN_WRITE, None)
    principal = find_principal(work, whose)
    if principal.disabled:
        raise NotPermitted(f"'{whose}' is disabled. Enable the principal first.", principal=whose)
    if not body.name.strip() or len(body.name) > 200:
        raise InvalidInput("Name the token by what it is for, in 1 to 200 characters.", field="name")
    check_line(body.name, "The name")
    if not 1 <= body.expires_in_days <= MAX_DAYS:
        raise InvalidInput(f"A token lives 1 to {MAX_DAYS} days.", field="expires_in_days")
    expires_at = work.now + timedelta(days=body.expires_in_days)
    patterns = [check_pattern(pattern) for pattern in body.patterns]
    role = None if body.role is None else check_role(body.role)
    if whose == work.actor.name:
        if work.actor.token_patterns and not patterns:
            patterns = list(work.actor.token_patterns)
        if role is None:
            role = work.actor.token_role
        _refuse_wider(work, role, patterns)
        expires_at = min(expires_at, _end_of_own(work, expires_at))
    issued = issue_token(work, principal, name=body.name, role=role, patterns=patterns, expires_at=expires_at)
    row = work.connection.execute(select(tokens).where(tokens.c.id == issued.id)).one()
    return IssuedToken(token=issued.text, info=describe_token(row))


def _end_of_own(work: Work, wanted: datetime) -> datetime:
    """How long a token lives at most that is made with the caller's. A session ends soon, and what is made in it lives
    as long as what is made with the token that opened it."""

    root = root_of(find_token(work, work.actor.token_id))
    return wanted if root is None else end_of(work, root)


def root_of(row: Row[Any]) -> str | None:
    """The token that programs send, by which a link or a session came to be; of such a token, itself. None: the service
    itself made the link."""
    root: str | None = row.id if row.kind in BEARERS else row.parent
    return root


def lock_token(work: Work, token: str) -> None:
    """Held by whoever ends a token, uses it up, or makes what ends with it: what comes from a token that is being ended
    at the same time either is ended with it, or never comes to be. Of a link and its root, the link comes first."""
    lock_key(work.connection, f"token {token}")


def end_of(work: Work, token: str) -> datetime:
    """When a token ends by itself."""
    end: datetime = work.connection.execute(select(tokens.c.expires_at).where(tokens.c.id == token)).scalar_one()
    return end


def issue_token(
    work: Work,
    principal: Row[Any],
    *,
    name: str,
    expires_at: datetime,
    kind: TokenKind | None = None,
    role: str | None = None,
    patterns: Sequence[str] = (),
    parent: str | None = None,
) -> NewToken:
    """Make a token for a principal and log it. What it may be is for the caller to have checked.

    :param kind: None: what a principal of its kind sends as a bearer token.
    :param parent: the token that this one ends with.
    """

    if kind is None:
        kind = TokenKind.PERSONAL if principal.kind == PrincipalKind.PERSON else TokenKind.SERVICE
    issued = new_token(kind, secrets.token_bytes(ENTROPY_BYTES))
    work.connection.execute(
        insert(tokens).values(
            id=issued.id,
            name=name,
            kind=kind,
            parent=parent,
            principal=principal.name,
            secret_hash=issued.secret_hash,
            role=role,
            patterns=list(patterns),
            created_at=work.now,
            created_by=work.actor.name,
            expires_at=expires_at,
        )
    )
    reach("token.written")
    work.record(
        EventKind.TOKEN_CREATED,
        subject=issued.id,
        token_kind=kind,
        principal=principal.name,
        role=role,
        patterns=list(patterns),
        expires_at=expires_at,
    )
    return issued


def revoke_token(work: Work, token: str) -> Token:
    """Ends a token at once, with the sessions that were opened with it. Twice is as good as once."""

    lock_token(work, token)
    row = find_token(work, token)
    opened = (tokens.c.parent == token) & (tokens.c.expires_at > work.now)
    if end_tokens(work, row.principal, (tokens.c.id == token) | opened):
        reach("token.revoked")
    return describe_token(find_token(work, token))


def end_tokens(work: Work, principal: str, which: ColumnElement[bool]) -> int:
    """End those of somebody's tokens that aren't revoked yet, and log each. How many there were."""

    ended = work.connection.execute(
        update(tokens).where(which, tokens.c.revoked_at.is_(None)).values(revoked_at=work.now).returning(tokens.c.id)
    ).scalars()
    found = sorted(ended)
    for one in found:
        work.record(EventKind.TOKEN_REVOKED, subject=one, principal=principal)
    return len(found)


def _refuse_wider(work: Work, role: Role | None, patterns: list[str]) -> None:
    mine = work.actor.token_role
    if mine is not None and role is not None and not ALLOWED[role] <= ALLOWED[mine]:
        raise NotPermitted(f"Your token is limited to {mine}; it can't make one for {role}.")
    for pattern in patterns if work.actor.token_patterns else []:
        if not any(reaches_no_further(pattern, own) for own in work.actor.token_patterns):
            raise NotPermitted(f"Your token doesn't reach '{pattern}'; it can't make one that does.")

"""Who a token speaks for, in one statement: the token, its principal, and all that it is granted, itself or by its
groups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, null, select, union_all

from registry_service.db.query import Query, Row
from registry_service.db.tables import grants, group_members, principals, tokens
from registry_service.db.types import from_microseconds
from registry_service.domain.entities import PrincipalKind
from registry_service.domain.permissions import Actor, Role, Scope
from registry_service.domain.tokens import TokenKind


class KnownToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token as the registry knows it, and the actor that it makes of whoever holds its secret."""

    actor: Actor
    kind: TokenKind
    secret_hash: str
    expires_at: datetime
    revoked: bool
    disabled: bool

    def is_good(self, now: datetime) -> bool:
        """Whether who holds its secret may come in at all."""
        return not (self.revoked or self.disabled or self.expires_at <= now)


def _of_token() -> list[ColumnElement[Any]]:
    return [
        tokens.c.id,
        tokens.c.secret_hash,
        tokens.c.expires_at,
        tokens.c.revoked_at,
        tokens.c.role.label("token_role"),
        tokens.c.patterns,
        tokens.c.kind.label("token_kind"),
        principals.c.name,
        principals.c.kind,
        principals.c.disabled,
    ]


def _decode(rows: Sequence[Row]) -> KnownToken | None:
    if not rows:
        return None
    token_id, secret_hash, expires_at, revoked_at, token_role, patterns, token_kind, name, kind, disabled = rows[0][:10]
    granted = sorted({(row[11], row[12]) for row in rows if row[11] is not None})
    return KnownToken(
        actor=Actor(
            name=name,
            is_person=kind == PrincipalKind.PERSON,
            grants=tuple(Scope(Role(role), pattern) for role, pattern in granted),
            groups=tuple(sorted({row[10] for row in rows if row[10] is not None})),
            token_id=token_id,
            token_role=None if token_role is None else Role(token_role),
            token_patterns=tuple(msgspec.json.decode(patterns, type=list[str])),
        ),
        kind=TokenKind(token_kind),
        secret_hash=secret_hash,
        expires_at=from_microseconds(expires_at),
        revoked=revoked_at is not None,
        disabled=bool(disabled),
    )


def _statement() -> Query[KnownToken | None]:
    held = tokens.join(principals, principals.c.name == tokens.c.principal)
    this = tokens.c.id == bindparam("token_id")
    own = (
        select(*_of_token(), null().label("group_name"), grants.c.role, grants.c.pattern)
        .select_from(held.outerjoin(grants, grants.c.principal == principals.c.name))
        .where(this)
    )
    by_group = (
        select(*_of_token(), group_members.c.group_name, grants.c.role, grants.c.pattern)
        .select_from(
            held.join(group_members, group_members.c.principal == principals.c.name).outerjoin(
                grants, grants.c.group_name == group_members.c.group_name
            )
        )
        .where(this)
    )
    return Query(union_all(own, by_group), _decode)


find_known_token = _statement()
"""The token whose id is parameter `token_id`, or None."""

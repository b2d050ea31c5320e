from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, RetryRule, read, write
from registry_service.domain.entities import (
    EndedSessions,
    Grant,
    Group,
    IssuedToken,
    LoginLink,
    Page,
    Principal,
    Token,
    WhoAmI,
)
from registry_service.domain.requests import (
    CreateGrant,
    CreateLoginLink,
    CreatePrincipal,
    CreateToken,
    UpdatePrincipal,
    WriteGroup,
)


def who_am_i() -> Call[WhoAmI]:
    """Whom the token speaks for, and what it may do."""
    return read(WhoAmI, "whoami")


def list_principals(**paging: Unpack[Paging]) -> Call[Page[Principal]]:
    return read(Page[Principal], "principals", **paging)


def create_principal(body: CreatePrincipal, *, idempotency_key: str | None = None) -> Call[Principal]:
    return write("POST", Principal, "principals", body=body, key=idempotency_key)


def get_principal(name: str) -> Call[Principal]:
    return read(Principal, "principals", name)


def update_principal(name: str, body: UpdatePrincipal, *, idempotency_key: str | None = None) -> Call[Principal]:
    return write("PATCH", Principal, "principals", name, body=body, key=idempotency_key)


def create_grant(body: CreateGrant, *, idempotency_key: str | None = None) -> Call[Grant]:
    return write("POST", Grant, "grants", body=body, key=idempotency_key)


def remove_grant(grant: str, *, idempotency_key: str | None = None) -> Call[None]:
    return write("DELETE", type(None), "grants", grant, key=idempotency_key)


def list_groups(**paging: Unpack[Paging]) -> Call[Page[Group]]:
    return read(Page[Group], "groups", **paging)


def write_group(name: str, body: WriteGroup, *, idempotency_key: str | None = None) -> Call[Group]:
    """Set all members of the group; makes it where it doesn't exist."""
    return write("PUT", Group, "groups", name, body=body, key=idempotency_key)


def remove_group(name: str, *, idempotency_key: str | None = None) -> Call[None]:
    return write("DELETE", type(None), "groups", name, key=idempotency_key)


def list_tokens(*, principal: str | None = None, **paging: Unpack[Paging]) -> Call[Page[Token]]:
    """Tokens without their secrets: the caller's own, or those of `principal`."""
    return read(Page[Token], "tokens", principal=principal, **paging)


def create_token(body: CreateToken, *, idempotency_key: str | None = None) -> Call[IssuedToken]:
    """A new token. Its secret is in this answer and nowhere else."""
    return write("POST", IssuedToken, "tokens", body=body, key=idempotency_key, retry=RetryRule.IF_REFUSED)


def revoke_token(token: str, *, idempotency_key: str | None = None) -> Call[Token]:
    return write("DELETE", Token, "tokens", token, key=idempotency_key)


def create_login_link(path: str = "/") -> Call[LoginLink]:
    """A link that opens one session of one's own in a browser, once and within a minute, and leads to a page."""
    return write(
        "POST", LoginLink, "login-links", body=CreateLoginLink(path=path), key=None, retry=RetryRule.IF_REFUSED
    )


def end_sessions(*, idempotency_key: str | None = None) -> Call[EndedSessions]:
    """Log out in every browser."""
    return write("DELETE", EndedSessions, "sessions", key=idempotency_key)

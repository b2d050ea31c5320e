"""Who asks, what they may do, and the tokens that they ask with."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from registry_service.domain.entities.answer import Answer


class PrincipalKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"


class Grant(Answer, frozen=True, kw_only=True):
    """A role on the models that `pattern` matches, for one principal or one group."""

    id: str
    principal: str | None
    group: str | None
    role: str
    pattern: str


class Principal(Answer, frozen=True, kw_only=True):
    """Who asks. `owners` are the people who answer for a service; their approvals don't count on its work."""

    name: str
    kind: PrincipalKind
    display_name: str
    owners: list[str]
    groups: list[str]
    grants: list[Grant]
    disabled: bool
    created_at: datetime


class Group(Answer, frozen=True, kw_only=True):
    name: str
    members: list[str]


class Delegation(Answer, frozen=True, kw_only=True):
    """`principal` has `to` stand in for them at reviews from `starts_at` on, until `until` or until it was ended
    before. What was reviewed in that time counts on."""

    id: str
    principal: str
    to: str
    starts_at: datetime
    until: datetime
    reason: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None


class Token(Answer, frozen=True, kw_only=True):
    """A token without its secret. `role` and `patterns` narrow what the principal may do. `kind`: `personal` or
    `service`, which programs send; `session`, which a browser holds."""

    id: str
    name: str
    kind: str
    principal: str
    role: str | None
    patterns: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class IssuedToken(Answer, frozen=True, kw_only=True):
    """A new token with its secret, which is shown this once."""

    token: str
    info: Token


class LoginLink(Answer, frozen=True, kw_only=True):
    """Opens one session in a browser, once, until `expires_at`. Whoever has it is the caller: show it to nobody."""

    url: str
    expires_at: datetime


class EndedSessions(Answer, frozen=True, kw_only=True):
    """How many sessions there were to end."""

    ended: int


class WhoAmI(Answer, frozen=True, kw_only=True):
    principal: Principal
    token: Token
    registry_version: str

"""Who may do what on which model: one function, `authorize`, over values.

The effective right is the role of the principal, by its grants on model name patterns, cut down by the scope of the
token that speaks for it. What one may not read looks exactly like what doesn't exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

import msgspec

from registry_service.domain.errors import InvalidName, ModelNotFound, NotPermitted, PersonRequired


class Role(StrEnum):
    READER = "reader"
    CONTRIBUTOR = "contributor"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Action(StrEnum):
    MODEL_READ = "model:read"
    MODEL_CREATE = "model:create"
    MODEL_UPDATE = "model:update"
    MODEL_RENAME = "model:rename"
    MODEL_DELETE = "model:delete"
    MODEL_RESTORE = "model:restore"
    VERSION_READ = "version:read"
    VERSION_DOWNLOAD = "version:download"
    VERSION_REGISTER = "version:register"
    VERSION_UPDATE = "version:update"
    VERSION_REVOKE = "version:revoke"
    VERSION_DELETE = "version:delete"
    VERSION_LEGAL_HOLD = "version:legal_hold"
    VERSION_EXAMINE = "version:examine"  # bytes of revoked ones
    CHECK_REPORT = "check:report"
    USAGE_REPORT = "usage:report"
    ALIAS_MOVE = "alias:move"
    STAGE_ARRANGE = "stage:arrange"
    STAGE_HOLD = "stage:hold"
    STAGE_RELEASE = "stage:release"  # what others hold; one's own hold needs no more than holding does
    STAGE_VACATE = "stage:vacate"
    STAGE_CLEAR_FAILURE = "stage:clear_failure"
    PROMOTION_READ = "promotion:read"
    PROMOTION_REQUEST = "promotion:request"
    PROMOTION_REVIEW = "promotion:review"
    PROMOTION_APPLY = "promotion:apply"
    PROMOTION_CANCEL = "promotion:cancel"
    PROMOTION_ROLLBACK = "promotion:rollback"
    DEPLOYMENT_READ = "deployment:read"
    DEPLOYMENT_WRITE = "deployment:write"
    EVENT_READ = "event:read"
    COMMENT_READ = "comment:read"
    COMMENT_WRITE = "comment:write"
    COMMENT_REMOVE = "comment:remove"  # those of others
    POLICY_READ = "policy:read"
    POLICY_WRITE = "policy:write"
    RETENTION_READ = "retention:read"
    RETENTION_WRITE = "retention:write"
    RETENTION_RUN = "retention:run"
    PRINCIPAL_READ = "principal:read"
    PRINCIPAL_WRITE = "principal:write"
    MAINTENANCE_RUN = "maintenance:run"
    DELEGATION_READ = "delegation:read"
    DELEGATION_OWN = "delegation:own"
    METRICS_READ = "metrics:read"
    INBOX_OWN = "inbox:own"
    SUBSCRIPTION_OWN = "subscription:own"
    SESSION_OWN = "session:own"
    TOKEN_WRITE = "token:write"  # noqa: S105 -- the name of an action
    TOKEN_OWN = "token:own"  # noqa: S105 -- the name of an action


_READ: Final = frozenset(
    {
        Action.MODEL_READ,
        Action.VERSION_READ,
        Action.VERSION_DOWNLOAD,
        Action.PROMOTION_READ,
        Action.DEPLOYMENT_READ,
        Action.EVENT_READ,
        Action.COMMENT_READ,
        Action.POLICY_READ,
        Action.RETENTION_READ,
        Action.PRINCIPAL_READ,
        Action.DELEGATION_READ,
        Action.INBOX_OWN,
        Action.SESSION_OWN,
        Action.SUBSCRIPTION_OWN,
        Action.TOKEN_OWN,
    }
)
_CONTRIBUTE: Final = _READ | {
    Action.MODEL_CREATE,
    Action.MODEL_UPDATE,
    Action.VERSION_REGISTER,
    Action.VERSION_UPDATE,
    Action.CHECK_REPORT,
    Action.USAGE_REPORT,
    Action.ALIAS_MOVE,
    Action.STAGE_HOLD,
    Action.PROMOTION_REQUEST,
    Action.PROMOTION_APPLY,
    Action.PROMOTION_CANCEL,
    Action.PROMOTION_ROLLBACK,
    Action.DEPLOYMENT_WRITE,
    Action.COMMENT_WRITE,
}
_APPROVE: Final = _CONTRIBUTE | {
    Action.PROMOTION_REVIEW,
    Action.DELEGATION_OWN,
    Action.VERSION_REVOKE,
    Action.STAGE_RELEASE,
    Action.STAGE_VACATE,
    Action.STAGE_CLEAR_FAILURE,
}

ALLOWED: Final = MappingProxyType(
    {
        Role.READER: _READ,
        Role.CONTRIBUTOR: _CONTRIBUTE,
        Role.APPROVER: _APPROVE,
        Role.AUDITOR: _READ | {Action.METRICS_READ},
        Role.ADMIN: frozenset(Action),
    }
)


def is_privileged(action: Action) -> bool:
    """Whether it takes more than to contribute: what somebody tried to do without the right to it is worth knowing."""
    return action not in _CONTRIBUTE


# What only a person may do, whatever the role: a service token never stands for the person who holds it.
PERSONAL: Final = frozenset(
    {
        Action.VERSION_EXAMINE,
        Action.VERSION_LEGAL_HOLD,
        Action.COMMENT_REMOVE,
        Action.PROMOTION_REVIEW,
        Action.DELEGATION_OWN,
        Action.STAGE_CLEAR_FAILURE,
        Action.STAGE_VACATE,  # into an empty stage comes what could not come in over a better version
        Action.POLICY_WRITE,
        Action.RETENTION_WRITE,
        Action.PRINCIPAL_WRITE,
        Action.TOKEN_WRITE,
        Action.SESSION_OWN,
        Action.SUBSCRIPTION_OWN,
    }
)


# What is about oneself alone gives nobody rank over others.
_RANKING: Final = frozenset(Action) - {
    Action.DELEGATION_OWN,
    Action.INBOX_OWN,
    Action.SESSION_OWN,
    Action.SUBSCRIPTION_OWN,
    Action.TOKEN_OWN,
}


_PATTERN: Final = re.compile(r"[A-Za-z0-9 ._*?-]{1,256}")


def check_pattern(pattern: str) -> str:
    """A model name pattern, if it is one: the characters of names, and the wildcards `*` and `?`.

    :raises InvalidName: it has others, or none, or too many.
    """

    if not _PATTERN.fullmatch(pattern):
        raise InvalidName(
            f"'{pattern}' is no model name pattern. Use letters, digits, space, '.', '_', '-' and the wildcards"
            " '*' (any characters) and '?' (one character), at most 256.",
            pattern=pattern,
        )
    return pattern


def reaches_no_further(pattern: str, bound: str) -> bool:
    """Whether every name that `pattern` matches is surely matched by `bound` too.

    A `*` in the bound may stand for wildcards of the pattern; a `?` may not, so bounds with `?` admit only themselves.
    """

    return pattern == bound or ("?" not in bound and fnmatchcase(pattern, bound))


def meets(one: str, other: str) -> bool:
    """Whether there can be a name that both patterns match."""

    # Where in `other` one can be after each sign of `one`; a `*` on either side may stand for nothing, or for more.
    places = _through_stars(other, {0})
    for sign in one:
        if sign == "*":
            places = set(range(min(places, default=len(other) + 1), len(other) + 1))
        else:
            places = {
                place if other[place] == "*" else place + 1
                for place in places
                if place < len(other) and (sign == "?" or other[place] in ("*", "?", sign))
            }
        places = _through_stars(other, places)
    return len(other) in places


def _through_stars(pattern: str, places: set[int]) -> set[int]:
    reached = set(places)
    for place in sorted(places):
        at = place
        while at < len(pattern) and pattern[at] == "*":
            at += 1
            reached.add(at)
    return reached


class Scope(msgspec.Struct, frozen=True):
    """A role on the models that `pattern` matches: `*` and `?` as in a shell, case-sensitive, over the whole name."""

    role: Role
    pattern: str

    def covers(self, model_name: str | None) -> bool:
        """Whether the scope reaches the model; None asks for the registry as a whole, which only `*` reaches."""
        return self.pattern == "*" if model_name is None else fnmatchcase(model_name, self.pattern)


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """A principal as its token presents it. `token_role` None: the token doesn't narrow the role; `token_patterns`
    empty: nor the models."""

    name: str
    is_person: bool
    grants: tuple[Scope, ...]
    groups: tuple[str, ...] = ()
    token_id: str = ""
    token_role: Role | None = None
    token_patterns: tuple[str, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        """Whether the token says less than all that its owner may do."""
        return self.token_role is not None or bool(self.token_patterns)


def has_role(grants: Iterable[Scope], role: Role, model_name: str | None) -> bool:
    """Whether one of the grants gives `role` (or a role that includes it) on the model."""

    return any(grant.covers(model_name) and (grant.role is role or (role in _INCLUDED[grant.role])) for grant in grants)


_INCLUDED: Final = MappingProxyType(
    {
        Role.READER: frozenset(),
        Role.CONTRIBUTOR: frozenset({Role.READER}),
        Role.APPROVER: frozenset({Role.READER, Role.CONTRIBUTOR}),
        Role.AUDITOR: frozenset({Role.READER}),
        Role.ADMIN: frozenset({Role.READER, Role.CONTRIBUTOR, Role.APPROVER, Role.AUDITOR}),
    }
)


def may(actor: Actor, action: Action, model_name: str | None) -> bool:
    """Whether the actor may do this to the model (None: to the registry as a whole)."""

    if action in PERSONAL and not actor.is_person:
        return False
    if actor.token_role is not None and action not in ALLOWED[actor.token_role]:
        return False
    if actor.token_patterns and not any(Scope(Role.READER, p).covers(model_name) for p in actor.token_patterns):
        return False
    return any(grant.covers(model_name) and action in ALLOWED[grant.role] for grant in actor.grants)


def may_anywhere(actor: Actor, action: Action) -> bool:
    """Whether there can be a model on which the actor may do this: the coarse check at a route's door."""

    if action in PERSONAL and not actor.is_person:
        return False
    if actor.token_role is not None and action not in ALLOWED[actor.token_role]:
        return False
    return any(action in ALLOWED[grant.role] for grant in actor.grants)


def readable_patterns(actor: Actor, action: Action) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """For lists, which filter in SQL: a model is in sight if its name matches one pattern of each of the two."""

    if actor.token_role is not None and action not in ALLOWED[actor.token_role]:
        return (), ()
    granted = tuple(grant.pattern for grant in actor.grants if action in ALLOWED[grant.role])
    return granted, actor.token_patterns or ("*",)


def pattern_in_sight(actor: Actor, action: Action, pattern: str) -> bool:
    """Whether a name pattern speaks of models on which the actor may do this: of others it must not tell the names."""

    return all(any(meets(pattern, bound) for bound in bounds) for bounds in readable_patterns(actor, action))


def may_end_hold(actor: Actor, maker: Actor, model_name: str) -> bool:
    """Whether the actor may release or replace a hold of the maker's: their own always; another's if they may release
    and the maker may do nothing to the model that they may not. The maker counts as who they are now."""

    if actor.name == maker.name:
        return True
    outranked = any(may(maker, action, model_name) and not may(actor, action, model_name) for action in _RANKING)
    return may(actor, Action.STAGE_RELEASE, model_name) and not outranked


def authorize(actor: Actor, action: Action, model_name: str | None) -> None:
    """The one gate of permissions.

    :raises ModelNotFound: the actor may not even read the model.
    :raises PersonRequired: a service asks for what is a person's to do.
    :raises NotPermitted: the actor may read the model, and not do this.
    """

    if may(actor, action, model_name):
        return
    if model_name is not None and not may(actor, Action.MODEL_READ, model_name):
        raise ModelNotFound(f"There is no model '{model_name}', or you may not read it.", model=model_name)
    where = f"on '{model_name}'" if model_name is not None else "on the whole registry"
    raise _refusal(actor, action, where)


def authorize_somewhere(actor: Actor, action: Action) -> None:
    """For what belongs to no model, such as policies and people to read: a role on any model will do.

    :raises PersonRequired: a service asks for what is a person's to do.
    :raises NotPermitted: no grant of the actor includes the action.
    """

    if not may_anywhere(actor, action):
        raise _refusal(actor, action, "anywhere")


def _refusal(actor: Actor, action: Action, where: str) -> NotPermitted:
    if action in PERSONAL and not actor.is_person:
        return PersonRequired(
            f"'{actor.name}' is a service, and {action} is for people. Ask a person to do it with their own token.",
            action=action,
        )
    return NotPermitted(
        f"'{actor.name}' may not {action} {where}. Ask an admin for a role that includes it, or use a wider token.",
        action=action,
    )

"""The words of the one log: kinds of events, patterns over them, and the cursor that says how far one has read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, NewType

import msgspec

from registry_service.domain.errors import CursorFromOtherEpoch, InvalidCursor, InvalidInput
from registry_service.domain.names import check_model_name, check_stage_name
from registry_service.domain.permissions import check_pattern


class EventKind(StrEnum):
    MODEL_CREATED = "model.created"
    MODEL_UPDATED = "model.updated"
    MODEL_CARD_WRITTEN = "model.card_written"
    MODEL_RENAMED = "model.renamed"
    MODEL_DELETED = "model.deleted"
    MODEL_RESTORED = "model.restored"
    MODEL_RELEASED = "model.released"
    VERSION_REGISTERED = "version.registered"
    VERSION_UPDATED = "version.updated"
    VERSION_LINEAGE_ADDED = "version.lineage_added"
    VERSION_REVOKED = "version.revoked"
    VERSION_DELETED = "version.deleted"
    VERSION_RESTORED = "version.restored"
    VERSION_LEGAL_HOLD_PLACED = "version.legal_hold_placed"
    VERSION_LEGAL_HOLD_LIFTED = "version.legal_hold_lifted"
    VERSION_EXAMINED = "version.examined"
    VERSION_USED = "version.used"
    ALIAS_MOVED = "alias.moved"
    ALIAS_REMOVED = "alias.removed"
    STAGE_ARRANGED = "stage.arranged"
    STAGE_HELD = "stage.held"
    STAGE_RELEASED = "stage.released"
    STAGE_VACATED = "stage.vacated"
    STAGE_FAILURE_CLEARED = "stage.failure_cleared"
    STAGE_MOVED = "stage.moved"
    CHECK_REPORTED = "check.reported"
    PROMOTION_REQUESTED = "promotion.requested"
    PROMOTION_APPROVED = "promotion.approved"
    PROMOTION_UNAPPROVED = "promotion.unapproved"
    PROMOTION_LEASED = "promotion.leased"
    PROMOTION_LEASE_RELEASED = "promotion.lease_released"
    PROMOTION_APPLIED = "promotion.applied"
    PROMOTION_FAILED = "promotion.failed"
    PROMOTION_REJECTED = "promotion.rejected"
    PROMOTION_CANCELLED = "promotion.cancelled"
    PROMOTION_EXPIRED = "promotion.expired"
    PROMOTION_STALE = "promotion.stale"
    PROMOTION_SUPERSEDED = "promotion.superseded"
    PROMOTION_ROLLED_BACK = "promotion.rolled_back"
    PROMOTION_REMINDED = "promotion.reminded"
    PROMOTION_ESCALATED = "promotion.escalated"
    REVIEW_GIVEN = "review.given"
    REVIEW_WITHDRAWN = "review.withdrawn"
    DEPLOYMENT_STARTED = "deployment.started"
    DEPLOYMENT_OBSERVED = "deployment.observed"
    DEPLOYMENT_DRIFTED = "deployment.drifted"
    DEPLOYMENT_ENDED = "deployment.ended"
    COMMENT_ADDED = "comment.added"
    COMMENT_EDITED = "comment.edited"
    COMMENT_REMOVED = "comment.removed"
    ARTIFACT_DAMAGED = "artifact.damaged"
    ARTIFACT_HEALED = "artifact.healed"
    REGISTRY_RESTORED = "registry.restored"
    POLICY_WRITTEN = "policy.written"
    POLICY_ATTACHED = "policy.attached"
    POLICY_DETACHED = "policy.detached"
    POLICY_CHANGE_PROPOSED = "policy.change_proposed"
    POLICY_CHANGE_WITHDRAWN = "policy.change_withdrawn"
    RETENTION_RULE_WRITTEN = "retention.rule_written"
    RETENTION_RULE_ENDED = "retention.rule_ended"
    RETENTION_APPLIED = "retention.applied"
    PRINCIPAL_CREATED = "principal.created"
    PRINCIPAL_UPDATED = "principal.updated"
    GROUP_WRITTEN = "group.written"
    GROUP_REMOVED = "group.removed"
    GRANT_CREATED = "grant.created"
    GRANT_REMOVED = "grant.removed"
    DELEGATION_CREATED = "delegation.created"
    DELEGATION_ENDED = "delegation.ended"
    ACCESS_REFUSED = "access.refused"
    TOKEN_CREATED = "token.created"  # noqa: S105 -- the name of an event
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 -- the name of an event


KindPattern = NewType("KindPattern", str)

_KINDS: Final = frozenset(kind.value for kind in EventKind)
_FAMILIES: Final = frozenset(kind.partition(".")[0] for kind in EventKind)


def parse_kind(text: str) -> KindPattern:
    """A kind (`promotion.applied`) or all kinds of one family (`promotion.*`).

    :raises InvalidInput: there is no such kind. A misspelt one must not wait in silence for ever.
    """

    family, _, rest = text.partition(".")
    if family not in _FAMILIES:
        raise InvalidInput(
            f"'{text}' is no kind of event. Kinds begin with one of: {', '.join(sorted(_FAMILIES))}.", kind=text
        )
    if rest == "*" or text in _KINDS:
        return KindPattern(text)
    known = ", ".join(kind for kind in EventKind if kind.startswith(f"{family}."))
    raise InvalidInput(f"'{text}' is no kind of event. There are: {known}, and '{family}.*' for all.", kind=text)


_ACCESS: Final = frozenset({"principal", "group", "grant", "token"})


def touches_access(kind: str) -> bool:
    """Whether, after such an event, somebody may do less or more than before."""
    return kind.partition(".")[0] in _ACCESS


def is_pattern(model: str) -> bool:
    """Whether this is a pattern of model names, and not the name of one model."""
    return "*" in model or "?" in model


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events a reader wants: of one of these kinds, of this model or of models of this name pattern (`team-a.*`),
    and about this stage. What is left out doesn't narrow.

    :raises InvalidName: no model or stage can be called so. Nobody is to wait in silence for ever.
    """

    kinds: tuple[KindPattern, ...] = ()
    model: str | None = None
    stage: str | None = None

    def __post_init__(self) -> None:
        if self.model is not None:
            (check_pattern if is_pattern(self.model) else check_model_name)(self.model)
        if self.stage is not None:
            check_stage_name(self.stage)

    def admits(self, kind: str, model_name: str | None, data: Mapping[str, object]) -> bool:
        """Whether the event is wanted. Pages ask the same in SQL."""

        if self.kinds and not any(_is_of(kind, wanted) for wanted in self.kinds):
            return False
        if self.model is not None and (model_name is None or not fnmatchcase(model_name, self.model)):
            return False
        return self.stage is None or data.get("stage") == self.stage


def _is_of(kind: str, wanted: KindPattern) -> bool:
    return kind.startswith(wanted[:-1]) if wanted.endswith(".*") else kind == wanted


EVERY_EVENT: Final = EventFilter()


_CURSOR: Final = re.compile(r"([0-9A-Za-z]{1,40})-([0-9]{1,18})", re.ASCII)


class Cursor(NamedTuple):
    """A place in the log: after event `seq`, of the log that `epoch` names. A reset or restored log has another
    epoch, because its numbers mean other events."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str, *, epoch: str) -> Cursor:
        """:raises InvalidCursor: it is none.
        :raises CursorFromOtherEpoch: it is one of another log than that of `epoch`.
        """

        found = _CURSOR.fullmatch(text)
        if found is None:
            raise InvalidCursor(
                f"'{text[:80]}' is no cursor. Use one that a page of events gave, or 'start', or 'latest'."
            )
        cursor = cls(found[1], int(found[2]))
        if cursor.epoch != epoch:
            raise CursorFromOtherEpoch(
                "The event log was reset or restored since this cursor was made. Read again from 'start', or from"
                " 'latest' if what happened meanwhile doesn't matter.",
                epoch=epoch,
            )
        return cursor

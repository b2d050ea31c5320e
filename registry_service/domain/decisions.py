"""What a policy says of the facts, as values that every answer carries: an outcome, and the reasons for it."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec


class Outcome(StrEnum):
    """APPLICABLE: it may be applied now. WAITING: people or machines have yet to speak. BLOCKED: something must
    change first (a failed check, a hold, a lease of another run). CLOSED: it never will be."""

    APPLICABLE = "applicable"
    WAITING = "waiting"
    BLOCKED = "blocked"
    CLOSED = "closed"


class ReasonCode(StrEnum):
    """What can stand in the way. Each has one outcome (`OUTCOMES`)."""

    PHASE_FINAL = "phase_final"
    VERSION_REVOKED = "version_revoked"
    DIGEST_CHANGED = "digest_changed"
    REVIEW_REJECTED = "review_rejected"
    EXPIRED = "expired"
    NO_POLICY = "no_policy"
    FORMAT_NOT_ALLOWED = "format_not_allowed"

    STAGE_HELD = "stage_held"
    LEASE_HELD = "lease_held"
    VERSION_FAILED_HERE = "version_failed_here"
    OLDER_THAN_CURRENT = "older_than_current"
    QUEUED_BEHIND = "queued_behind"
    CHECK_FAILED = "check_failed"
    CONDITION_NOT_MET = "condition_not_met"
    PREREQUISITE_NOT_MET = "prerequisite_not_met"

    PREREQUISITE_NOT_YET_MET = "prerequisite_not_yet_met"
    CHECK_MISSING = "check_missing"
    REVIEW_MISSING = "review_missing"


class SatisfiedCode(StrEnum):
    """What no longer stands in the way, and on whose word; SELF_APPROVAL is what a policy waived."""

    REVIEW_GIVEN = "review_given"
    CHECK_PASSED = "check_passed"
    CONDITION_MET = "condition_met"
    PREREQUISITE_MET = "prerequisite_met"
    FORMAT_ALLOWED = "format_allowed"
    NOBODY_NEED_REVIEW = "nobody_need_review"
    SELF_APPROVAL = "self_approval"


OUTCOMES: Final = MappingProxyType(
    {
        ReasonCode.PHASE_FINAL: Outcome.CLOSED,
        ReasonCode.VERSION_REVOKED: Outcome.CLOSED,
        ReasonCode.DIGEST_CHANGED: Outcome.CLOSED,
        ReasonCode.REVIEW_REJECTED: Outcome.CLOSED,
        ReasonCode.EXPIRED: Outcome.CLOSED,
        # The policies are pinned and content never changes: neither comes right by waiting.
        ReasonCode.NO_POLICY: Outcome.CLOSED,
        ReasonCode.FORMAT_NOT_ALLOWED: Outcome.CLOSED,
        ReasonCode.STAGE_HELD: Outcome.BLOCKED,
        ReasonCode.LEASE_HELD: Outcome.BLOCKED,
        ReasonCode.VERSION_FAILED_HERE: Outcome.BLOCKED,
        ReasonCode.OLDER_THAN_CURRENT: Outcome.BLOCKED,
        ReasonCode.QUEUED_BEHIND: Outcome.BLOCKED,
        ReasonCode.CHECK_FAILED: Outcome.BLOCKED,
        ReasonCode.CONDITION_NOT_MET: Outcome.BLOCKED,
        ReasonCode.PREREQUISITE_NOT_MET: Outcome.BLOCKED,
        ReasonCode.PREREQUISITE_NOT_YET_MET: Outcome.WAITING,
        ReasonCode.CHECK_MISSING: Outcome.WAITING,
        ReasonCode.REVIEW_MISSING: Outcome.WAITING,
    }
)

# What the policies demand, as against what is in the way for the moment: it decides between PENDING and APPROVED.
DEMANDS: Final = frozenset(
    {
        ReasonCode.NO_POLICY,
        ReasonCode.FORMAT_NOT_ALLOWED,
        ReasonCode.CHECK_FAILED,
        ReasonCode.CONDITION_NOT_MET,
        ReasonCode.PREREQUISITE_NOT_MET,
        ReasonCode.PREREQUISITE_NOT_YET_MET,
        ReasonCode.CHECK_MISSING,
        ReasonCode.REVIEW_MISSING,
    }
)


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that stands in the way (`ReasonCode`), or in `satisfied` and `waived` one that no longer does
    (`SatisfiedCode`). `code` is stable: a program may act on it. `policy`, `rule` and `check` say where it comes
    from; `people` who did or could speak."""

    code: str
    message: str
    policy: str | None = None
    rule: str | None = None
    check: str | None = None
    people: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """`reasons` are all that stand in the way, not only the first; empty where the outcome is APPLICABLE."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    satisfied: tuple[Reason, ...] = ()
    waived: tuple[Reason, ...] = ()


def missing_reviews(decision: Decision) -> list[Reason]:
    """Why the promotion waits for people; nothing where no review can help it any more."""

    if decision.outcome is Outcome.CLOSED:
        return []
    return [reason for reason in decision.reasons if reason.code == ReasonCode.REVIEW_MISSING]

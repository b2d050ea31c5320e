"""What a stage demands, as documents: immutable, versioned, attached to models and name patterns.

What comes from people or from the database is read by `domain/strictness.py`: a demand with a misspelt or unknown
name would otherwise be none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class OnNewer(StrEnum):
    """What happens to an older open request when a newer version asks for the same stage."""

    SUPERSEDE_UNREVIEWED = "supersede_unreviewed"
    QUEUE = "queue"
    PARALLEL = "parallel"


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the parts of a policy."""


class ReviewRule(Document, frozen=True, kw_only=True, omit_defaults=True):
    """`count` distinct people who have `role` on the model, or belong to `group`, or are among `people`: exactly one
    of the three is given. `when` is a condition; a value missing from it makes the rule apply."""

    name: str
    count: int = 1
    role: str | None = None
    group: str | None = None
    people: tuple[str, ...] = ()
    when: str | None = None


class RequiredCheck(Document, frozen=True, kw_only=True, omit_defaults=True):
    """A check of this name must have passed, its latest report counting. `reported_by` limits whose reports count;
    `by_service`: those of people don't, who may have registered what they report on."""

    name: str
    reported_by: tuple[str, ...] = ()
    by_service: bool = False
    when: str | None = None


class RequiredCondition(Document, frozen=True, kw_only=True, omit_defaults=True):
    """An expression over the version and `current.*` that must be true. Missing values make it not true, except that
    `without_current` says what holds where the stage is vacant."""

    expression: str
    without_current: bool = True


class Prerequisite(Document, frozen=True, kw_only=True, omit_defaults=True):
    """The version was current in `stage` for at least `seconds` (in sum)."""

    stage: str
    seconds: int = 0


class RollbackRule(Document, frozen=True, kw_only=True, omit_defaults=True):
    """Who may go back, and how far: among the last `within` applied promotions of the stage."""

    role: str = "contributor"
    within: int = 10


class PolicyDocument(Document, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a policy. Times are in seconds.

    A policy that demands nothing of anybody must say so (`nobody_need_review`); an empty one is refused. While reviews
    are missing, an event reminds of them each time that `remind_after` has passed, and after `escalate_after` one tells
    the group `escalate_to`, which gives it no right that it doesn't have. `delegation`: whoever stands in for somebody
    may fill that one's place.
    """

    name: str
    description: str = ""
    rules: tuple[ReviewRule, ...] = ()
    nobody_need_review: bool = False
    checks: tuple[RequiredCheck, ...] = ()
    conditions: tuple[RequiredCondition, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    formats: tuple[str, ...] = ()
    self_approval: bool = False
    delegation: bool = False
    on_newer: OnNewer = OnNewer.SUPERSEDE_UNREVIEWED
    request_expires_after: int = 14 * 24 * 3600
    approval_expires_after: int = 7 * 24 * 3600
    lease_seconds: int = 3600
    rollback: RollbackRule = RollbackRule()
    change_needs_second_person: bool = False
    remind_after: int | None = None
    escalate_after: int | None = None
    escalate_to: str | None = None


class PolicyPin(msgspec.Struct, frozen=True, kw_only=True):
    """The policy version that a request is judged by."""

    name: str
    version: int


OPEN: Final = PolicyDocument(
    name="open", description="Nobody need review; what is asked for may be applied.", nobody_need_review=True
)
SOLO: Final = PolicyDocument(
    name="solo",
    description="One approver, who may approve their own work; that is logged as waived.",
    rules=(ReviewRule(name="approver", role="approver"),),
    self_approval=True,
)
TEAM: Final = PolicyDocument(
    name="team",
    description="One approver other than those who registered, requested or own the work.",
    rules=(ReviewRule(name="another person", role="approver"),),
)
REGULATED: Final = PolicyDocument(
    name="regulated",
    description="Two other people: an approver and an admin. A service must have reported that the evaluation passed.",
    rules=(ReviewRule(name="approver", role="approver"), ReviewRule(name="admin", role="admin")),
    checks=(RequiredCheck(name="evaluation", by_service=True),),
    change_needs_second_person=True,
)
BUILT_IN: Final = (OPEN, SOLO, TEAM, REGULATED)

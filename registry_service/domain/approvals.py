"""Does the policy let this version through? Facts in, decision out, with reasons."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """APPLICABLE: it may be applied now. WAITING: people or machines have yet to speak. BLOCKED: something must
    change first (a failed check, a hold, a lease of another run). CLOSED: it never will be."""

    APPLICABLE = "applicable"
    WAITING = "waiting"
    BLOCKED = "blocked"
    CLOSED = "closed"


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that stands in the way, or (in `satisfied`) one that no longer does. `code` is stable: a program
    may act on it. `policy`, `rule` and `check` say where it comes from; `people` who did or could speak."""

    code: str
    message: str
    policy: str | None = None
    rule: str | None = None
    check: str | None = None
    people: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    outcome: Outcome
    reasons: tuple[Reason, ...]
    satisfied: tuple[Reason, ...] = ()
    waived: tuple[Reason, ...] = ()

"""What a stage demands, and how that changes."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer
from registry_service.domain.policies import PolicyDocument


class Policy(Answer, frozen=True, kw_only=True):
    """One immutable version of a policy."""

    name: str
    version: int
    document: PolicyDocument
    created_at: datetime
    created_by: str


class PolicyAttachment(Answer, frozen=True, kw_only=True):
    """Where a policy holds: models by name pattern (`team-a.*`, `*`), stage by name or `*`. All that match apply
    together; a `default` one only where no other matches."""

    id: str
    policy: str
    model_pattern: str
    stage: str
    default: bool
    attached_at: datetime
    attached_by: str


class PolicyChange(Answer, frozen=True, kw_only=True):
    """A change of policy. It is in force once `confirmed_by` is set; where the policy asks for a second person, that
    is somebody other than `proposed_by`. Before that it may be withdrawn. What it is about: the `document` that is
    written, in place of version `replaces`; or where a policy is attached or detached (`model_pattern`, None where the
    caller has none of it in sight, `stage`, `default`). `force`: open promotions become STALE by it."""

    id: str
    kind: str
    policy: str
    proposed_by: str
    proposed_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    document: PolicyDocument | None = None
    replaces: int | None = None
    model_pattern: str | None = None
    stage: str | None = None
    default: bool = False
    force: bool = False
    stale_promotions: list[str] = []
    result_version: int | None = None
    attachment_id: str | None = None

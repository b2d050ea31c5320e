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
    is somebody other than `proposed_by`."""

    id: str
    kind: str
    policy: str
    proposed_by: str
    proposed_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    stale_promotions: list[str] = []
    result_version: int | None = None
    attachment_id: str | None = None

"""All that a decision is made from, as values. Whoever fills them reads them in one transaction, as of one moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from registry_service.domain.entities import CheckStatus, Hold, Lease, Verdict
from registry_service.domain.metadata import Metadata
from registry_service.domain.permissions import Scope
from registry_service.domain.policies import PolicyDocument, PolicyPin
from registry_service.domain.promotions import Phase, PromotionKind


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all facts."""


class Person(Fact, frozen=True, kw_only=True):
    """A principal as it is now, not as it was when it spoke. `grants` include those that come through groups."""

    name: str
    grants: tuple[Scope, ...] = ()
    groups: tuple[str, ...] = ()
    is_person: bool = True
    disabled: bool = False


class Party(Fact, frozen=True, kw_only=True):
    """Who registered or requested: a person, or a service with the people who own it."""

    name: str
    owners: tuple[str, ...] = ()


class PromotionFacts(Fact, frozen=True, kw_only=True):
    """`expires_at` is the end of the request while nobody approved it; an approval has its own time from
    `approved_at` on. `asserted_people` are those whom requester or registrant say took part."""

    id: str
    model_name: str
    stage: str
    version: int
    digest: str
    phase: Phase
    requester: Party
    requested_at: datetime
    expires_at: datetime
    kind: PromotionKind = PromotionKind.PROMOTION
    approved_at: datetime | None = None
    lease: Lease | None = None
    asserted_people: tuple[str, ...] = ()


class VersionFacts(Fact, frozen=True, kw_only=True):
    """`current_in` says for how many seconds, in sum, the version was current in a stage up to now, and names only
    stages in which it ever was; `stages` are those in which it is current at this moment."""

    number: int
    digest: str
    registrant: Party
    created_at: datetime
    metadata: Metadata = Metadata()
    revoked: bool = False
    current_in: Mapping[str, float] = {}
    stages: tuple[str, ...] = ()


class ReviewFacts(Fact, frozen=True, kw_only=True):
    """`current_digest` is that of the version which was current in the stage when the reviewer spoke;
    `standing_in_for` are those whose delegation to the reviewer was in force then, as they are now."""

    reviewer: Person
    verdict: Verdict
    digest: str
    at: datetime
    current_digest: str | None = None
    withdrawn: bool = False
    comment: str = ""
    standing_in_for: tuple[Person, ...] = ()


class CheckFacts(Fact, frozen=True, kw_only=True):
    """A report. Older ones of the same name do no harm: the latest of those that a policy listens to counts.
    `by_service`: no person reported it."""

    id: int
    name: str
    status: CheckStatus
    digest: str
    reported_by: str
    reported_at: datetime
    summary: str = ""
    by_service: bool = False


class StageLease(Fact, frozen=True, kw_only=True):
    """Another promotion to the same stage is being deployed."""

    promotion_id: str
    lease: Lease


class OpenRequest(Fact, frozen=True, kw_only=True):
    """Another open promotion to the same stage. `reviewed`: a review of it stands (not withdrawn)."""

    id: str
    version: int
    phase: Phase
    requested_at: datetime
    reviewed: bool


class StageFacts(Fact, frozen=True, kw_only=True):
    """`newer_standing` is the highest number above the version's that a promotion made current here and that is still
    good, so neither failed here nor revoked: older ones come back by rollback only, until the newer one was abandoned.
    It keeps nothing out but open promotions, and isn't looked for otherwise. `failed`: the version's content is marked
    failed here; `lease` is another promotion's; `others` are all other open promotions to the stage."""

    hold: Hold | None = None
    failed: bool = False
    newer_standing: int | None = None
    lease: StageLease | None = None
    others: tuple[OpenRequest, ...] = ()


class PinnedPolicy(Fact, frozen=True, kw_only=True):
    pin: PolicyPin
    document: PolicyDocument


class Facts(Fact, frozen=True, kw_only=True):
    """`current` is the version that the stage points to; None where it is vacant."""

    promotion: PromotionFacts
    version: VersionFacts
    current: VersionFacts | None
    stage: StageFacts
    policies: tuple[PinnedPolicy, ...]
    reviews: tuple[ReviewFacts, ...] = ()
    checks: tuple[CheckFacts, ...] = ()

    @property
    def current_digest(self) -> str | None:
        return None if self.current is None else self.current.digest

    @property
    def documents(self) -> tuple[PolicyDocument, ...]:
        return tuple(policy.document for policy in self.policies)

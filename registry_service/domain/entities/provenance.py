"""From what is served to all that answers for it."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.deployment import Deployment
from registry_service.domain.entities.promotion import Closure
from registry_service.domain.entities.review import Check, Verdict
from registry_service.domain.entities.stage import StageChange
from registry_service.domain.entities.version import ModelVersion
from registry_service.domain.policies import PolicyPin
from registry_service.domain.promotions import Phase, PromotionKind


class ReviewRecord(Answer, frozen=True, kw_only=True):
    """What somebody said, of which content, and when; withdrawn or not."""

    reviewer: str
    verdict: Verdict
    comment: str
    digest: str
    at: datetime
    withdrawn_at: datetime | None


class PromotionRecord(Answer, frozen=True, kw_only=True):
    """A request as it stands on record. `policies` are the versions of policies under which it was, or is, judged."""

    id: str
    kind: PromotionKind
    stage: str
    phase: Phase
    policies: list[PolicyPin]
    reason: str
    requested_by: str
    requested_at: datetime
    reviews: list[ReviewRecord]
    applied_by: str | None
    applied_at: datetime | None
    closure: Closure | None
    url: str


class SpellEnd(Answer, frozen=True, kw_only=True):
    """What ended a time in a stage: `change` says how, and `version` what came; None: the stage was vacated."""

    change: StageChange
    by: str
    reason: str
    version: int | None
    promotion_id: str | None


class StageSpell(Answer, frozen=True, kw_only=True):
    """A time in which the version was current in a stage. `until` and `ended` None: it still is. `change` and `by`: how
    it came there, and who did it."""

    stage: str
    since: datetime
    until: datetime | None
    change: StageChange
    by: str
    reason: str
    promotion_id: str | None
    ended: SpellEnd | None = None


class VersionProvenance(Answer, frozen=True, kw_only=True):
    """A version with all that answers for it: its lineage, who took part in making it (`people`), the latest report of
    each check, every promotion with its reviews, every time in a stage, and the newest deployments (100 at most), also
    those of other versions at whose target its content was observed. `files`: where it was found by the digest of a
    file, the paths of that."""

    version: ModelVersion
    files: list[str]
    people: list[str]
    checks: list[Check]
    promotions: list[PromotionRecord]
    spells: list[StageSpell]
    deployments: list[Deployment]

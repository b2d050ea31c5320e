"""What retention rules say, and what they would let go."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from registry_service.domain.entities.answer import Answer
from registry_service.domain.retention_rules import RetentionDocument


class RetentionRule(Answer, frozen=True, kw_only=True):
    """One immutable version of a retention rule. It holds until the next is written, or until it is ended. `next_at`:
    when the service applies it by itself."""

    name: str
    version: int
    document: RetentionDocument
    created_at: datetime
    created_by: str
    ended_at: datetime | None = None
    ended_by: str | None = None
    next_at: datetime | None = None


class KeepKind(StrEnum):
    """Why a version stays: what needs it, or what a rule says."""

    STAGE = "stage"
    ALIAS = "alias"
    PROMOTION = "promotion"
    DEPLOYMENT = "deployment"
    LEGAL_HOLD = "legal_hold"
    ROLLBACK_WINDOW = "rollback_window"
    LINEAGE = "lineage"
    KEEP_LAST = "keep_last"
    KEEP_YOUNGER_THAN = "keep_younger_than"
    KEEP_WHERE = "keep_where"
    NO_RULE = "no_rule"


class Keep(Answer, frozen=True, kw_only=True):
    """A reason why a version stays. `name`: of what needs it (see `Use`), the version that was made from it, or the
    rule that keeps it."""

    kind: KeepKind
    name: str


class PreviewPhase(StrEnum):
    """JUDGING until all versions are judged, then READY; APPLYING once the first version is being deleted, APPLIED once
    none is left."""

    JUDGING = "JUDGING"
    READY = "READY"
    APPLYING = "APPLYING"
    APPLIED = "APPLIED"


class RetentionPreview(Answer, frozen=True, kw_only=True):
    """What retention rules would let go, of models of a name pattern. `rule`: the one whose turn it was, where the
    service itself began. `models` and `versions`: how many were judged so far, of models that a rule is about; `going`
    of them go, or went where they still might: `deleted` so far, `skipped` because something keeps them now.
    `bytes_freed`: of artifacts that no other version needs, each counted once; None while it is judging. Until
    `expires_at` it can be applied."""

    id: str
    pattern: str
    rule: str | None
    phase: PreviewPhase
    created_at: datetime
    created_by: str
    expires_at: datetime
    models: int
    versions: int
    going: int
    bytes_freed: int | None
    deleted: int
    skipped: int
    finished_at: datetime | None


class Fate(StrEnum):
    """What a preview says of a version, and what came of it: GOES becomes DELETED or SKIPPED."""

    STAYS = "STAYS"
    GOES = "GOES"
    DELETED = "DELETED"
    SKIPPED = "SKIPPED"


class PreviewedVersion(Answer, frozen=True, kw_only=True):
    """A version in a preview. `size` in bytes, of all its files. `kept_by`: why it stays, or was skipped; at most 20
    reasons. `rules`: those that it was judged by, such as `nightly@2`."""

    model_name: str
    version: int
    digest: str
    size: int
    created_at: datetime
    fate: Fate
    kept_by: list[Keep]
    rules: list[str]

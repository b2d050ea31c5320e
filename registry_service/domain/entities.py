"""The things of the registry as every answer shows them: to Python, to JSON, to Airflow.

Answers tolerate fields that they don't know, so that an older client reads a newer service. Times are aware and in
UTC. Every answer that belongs to a model carries the model's `revision`, which grows with each change of the model.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from registry_service.domain.decisions import Decision
from registry_service.domain.metadata import Metadata, MetadataField
from registry_service.domain.policies import PolicyDocument, PolicyPin
from registry_service.domain.promotions import Phase, PromotionKind

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all that the service answers with."""


class Page(Answer, Generic[T], frozen=True, kw_only=True):
    """One page of a list. `next_cursor` is opaque; None on the last page."""

    items: list[T]
    next_cursor: str | None = None


# ------------------------------------------------------------------------------------------------------ versions


class VersionStatus(StrEnum):
    READY = "ready"
    REVOKED = "revoked"


class ManifestFile(Answer, frozen=True, kw_only=True):
    """A file of a version: where it stands in the version, and the bytes it stands for. `size` is in bytes."""

    path: str
    digest: str
    size: int
    media_type: str = "application/octet-stream"


class Manifest(Answer, frozen=True, kw_only=True):
    """All files of a version in the order of their paths. `digest` is the version's content digest."""

    model_name: str
    number: int
    digest: str
    files: list[ManifestFile]


class LineageKind(StrEnum):
    DAG_RUN = "dag_run"
    TASK = "task"
    CODE_COMMIT = "code_commit"
    DATASET = "dataset"
    PARENT_VERSION = "parent_version"
    OTHER = "other"


class LineageEdge(Answer, frozen=True, kw_only=True):
    """From a version to something that made it. `ref` names it (`dag_id/run_id`, a commit id, a dataset's URI,
    `model/3`); it is opaque text to the registry. `digest` pins its content where known; `url` leads to it."""

    kind: LineageKind
    ref: str
    digest: str | None = None
    url: str | None = None
    details: dict[str, str] = {}


class Revocation(Answer, frozen=True, kw_only=True):
    reason: str
    by: str
    at: datetime


class ModelVersion(Answer, frozen=True, kw_only=True):
    """A version: immutable content (`digest` covers files and metadata) and movable surroundings.

    `identity` is the key under which the registering run may find the version again. `stages` are those in which the
    version is current now.
    """

    model_id: str
    model_name: str
    number: int
    digest: str
    status: VersionStatus
    metadata: Metadata
    description: str
    tags: dict[str, str]
    aliases: list[str]
    stages: list[str]
    lineage: list[LineageEdge]
    file_count: int
    size: int
    identity: str | None
    source_uri: str | None
    created_at: datetime
    created_by: str
    revoked: Revocation | None
    revision: int
    url: str
    recommended_missing: list[str] = []


# -------------------------------------------------------------------------------------------- models and stages


class Hold(Answer, frozen=True, kw_only=True):
    """Nothing enters the stage while this stands. `until` None: until somebody releases it."""

    reason: str
    by: str
    at: datetime
    until: datetime | None


class Stage(Answer, frozen=True, kw_only=True):
    """A protected pointer. `version` is None where the stage is vacant. `failed` are the versions with content that a
    rollback abandoned here, under whatever number; they come back only after the mark is cleared. `revision` is what
    `If-Match` takes."""

    model_name: str
    name: str
    position: int
    version: int | None
    digest: str | None
    promotion_id: str | None
    since: datetime | None
    hold: Hold | None
    failed: list[int]
    policies: list[PolicyPin]
    revision: int


class StageChange(StrEnum):
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    VACATED = "vacated"


class StageRecord(Answer, frozen=True, kw_only=True):
    """One entry of a stage's history: from `at` on, `version` was current (None: vacant)."""

    model_name: str
    stage: str
    change: StageChange
    version: int | None
    digest: str | None
    previous: int | None
    promotion_id: str | None
    by: str
    at: datetime
    reason: str
    revision: int


class Alias(Answer, frozen=True, kw_only=True):
    model_name: str
    name: str
    version: int
    digest: str
    moved_at: datetime
    moved_by: str
    revision: int


class RegisteredModel(Answer, frozen=True, kw_only=True):
    id: str
    name: str
    owner: str
    description: str
    tags: dict[str, str]
    metadata_fields: list[MetadataField]
    stages: dict[str, int | None]
    aliases: dict[str, int]
    latest_version: int | None
    archived: bool
    created_at: datetime
    created_by: str
    updated_at: datetime
    deleted_at: datetime | None
    revision: int
    url: str


# ------------------------------------------------------------------------------------------------------ uploads


class Upload(Answer, frozen=True, kw_only=True):
    """An upload session: bytes on their way to one registration. `missing` are the digests still to be sent; what
    the caller may read already is not asked for again. The session pins its bytes until it ends or expires."""

    id: str
    model_name: str
    missing: list[str]
    created_at: datetime
    expires_at: datetime


class UploadFile(Answer, frozen=True, kw_only=True):
    """A file of an upload session. `kept` is how many of its `size` bytes are here, from the first on: where to go on
    with sending. `received`: all of them, verified."""

    upload: str
    digest: str
    size: int
    kept: int
    received: bool


class UploadPart(Answer, frozen=True, kw_only=True):
    """Part `number` has `size` bytes of the file from `offset` on: PUT them to the URL, without any header of the
    registry's. Who has the URL needs no token."""

    number: int
    offset: int
    size: int
    url: str

    def __repr__(self) -> str:
        """Without the URL: answers end up in logs and tracebacks."""
        return f"UploadPart(number={self.number}, offset={self.offset}, size={self.size})"


class UploadParts(Answer, frozen=True, kw_only=True):
    """Where the bytes of a file go, straight to the store. `part_size` is None where they go through the service.
    `kept` of `size` bytes have arrived; `missing` are some of the parts that haven't, by URLs that hold until
    `expires_at`. Once none is missing, the file is to be completed. `received`: it was."""

    upload: str
    digest: str
    size: int
    kept: int
    received: bool
    part_size: int | None
    missing: list[UploadPart]
    expires_at: datetime | None


# --------------------------------------------------------------------------------------------- checks and reviews


class CheckStatus(StrEnum):
    PASSED = "passed"
    FAILED = "failed"


class Check(Answer, frozen=True, kw_only=True):
    """What a machine measured of a version, with its evidence. The latest of a name counts."""

    id: int
    model_name: str
    version: int
    digest: str
    name: str
    status: CheckStatus
    summary: str
    evidence: dict[str, object]
    url: str | None
    reported_by: str
    reported_at: datetime
    revision: int


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


class Review(Answer, frozen=True, kw_only=True):
    """A person's verdict on one digest. `waived` says that it counts as an approval of their own work, which the
    policy allowed."""

    id: int
    promotion_id: str
    reviewer: str
    verdict: Verdict
    comment: str
    digest: str
    at: datetime
    withdrawn_at: datetime | None
    waived: bool = False


# ---------------------------------------------------------------------------------------------------- promotions


class Lease(Answer, frozen=True, kw_only=True):
    holder: str
    acquired_at: datetime
    expires_at: datetime


class Closure(Answer, frozen=True, kw_only=True):
    """Why and by whom a promotion reached its final phase."""

    reason: str
    by: str
    at: datetime


class Promotion(Answer, frozen=True, kw_only=True):
    """The request to make `version` (with exactly `digest`) current in `stage`. `replaces` was current when it was
    requested; after `apply`, what it replaced. `decision` is judged at the moment of the answer. `is_current` says
    that the stage points to this promotion now."""

    id: str
    kind: PromotionKind
    model_name: str
    version: int
    digest: str
    stage: str
    phase: Phase
    policies: list[PolicyPin]
    reason: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    replaces: int | None
    undoes: str | None
    lease: Lease | None
    reviews: list[Review]
    decision: Decision
    closure: Closure | None
    applied_at: datetime | None
    applied_by: str | None
    is_current: bool
    revision: int
    url: str


# --------------------------------------------------------------------------------------------------- deployments


class DeploymentRole(StrEnum):
    PRIMARY = "primary"
    CANARY = "canary"
    SHADOW = "shadow"


class DeploymentStatus(StrEnum):
    DEPLOYING = "deploying"
    RUNNING = "running"
    FAILED = "failed"
    ENDED = "ended"


class Deployment(Answer, frozen=True, kw_only=True):
    """Where a version runs. `digest` is authorised (the registry says so), `observed_digest` is what the target said
    last. `drifted`: the target serves what isn't authorised: other content, that of a promotion which ended without
    being applied, or what has been replaced in its stage since."""

    id: str
    model_name: str
    version: int
    digest: str
    target: str
    role: DeploymentRole
    traffic: float
    stage: str | None
    promotion_id: str | None
    run: str | None
    status: DeploymentStatus
    observed_digest: str | None
    observed_at: datetime | None
    drifted: bool
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    revision: int


# ------------------------------------------------------------------------------------------------------ policies


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


# --------------------------------------------------------------------------------------------------- who one is


class PrincipalKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"


class Grant(Answer, frozen=True, kw_only=True):
    """A role on the models that `pattern` matches, for one principal or one group."""

    id: str
    principal: str | None
    group: str | None
    role: str
    pattern: str


class Principal(Answer, frozen=True, kw_only=True):
    """Who asks. `owners` are the people who answer for a service; their approvals don't count on its work."""

    name: str
    kind: PrincipalKind
    display_name: str
    owners: list[str]
    groups: list[str]
    grants: list[Grant]
    disabled: bool
    created_at: datetime


class Group(Answer, frozen=True, kw_only=True):
    name: str
    members: list[str]


class Token(Answer, frozen=True, kw_only=True):
    """A token without its secret. `role` and `patterns` narrow what the principal may do."""

    id: str
    name: str
    principal: str
    role: str | None
    patterns: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class IssuedToken(Answer, frozen=True, kw_only=True):
    """A new token with its secret, which is shown this once."""

    token: str
    info: Token


class WhoAmI(Answer, frozen=True, kw_only=True):
    principal: Principal
    token: Token
    registry_version: str


# -------------------------------------------------------------------------------------------------------- events


class Event(Answer, frozen=True, kw_only=True):
    """One row of the log. `seq` grows in the order of commits. `subject` names what it is about within the model (a
    version number, a promotion id…)."""

    seq: int
    at: datetime
    kind: str
    actor: str
    model_name: str | None
    revision: int | None
    subject: str | None
    data: dict[str, object]


class EventPage(Answer, frozen=True, kw_only=True):
    """`cursor` continues after the last event looked at, also where the caller may not see it."""

    events: list[Event]
    cursor: str


class Consumer(Answer, frozen=True, kw_only=True):
    """A named reader of the log; its cursor outlives whatever reads it."""

    name: str
    owner: str
    cursor: str
    updated_at: datetime


class CollectedArtifact(Answer, frozen=True, kw_only=True):
    """Bytes that no version and no open upload needs. `size` in bytes; `since`: when they came, or were first seen."""

    digest: str
    size: int
    since: datetime


class CollectionStep(Answer, frozen=True, kw_only=True):
    """What one step of a collection did, or in a dry run would do. `cursor` goes into the next step; None: that was
    the last. `looked_at` artifacts; `adopted` had no row and got one, so that their grace begins; `leftovers`: uploads
    that have ended and had left bytes behind; `collected`: what is gone, `kept_back`: what another process is taking
    out, or what this step had no time for."""

    cursor: str | None
    looked_at: int = 0
    adopted: int = 0
    leftovers: int = 0
    collected: list[CollectedArtifact] = []
    kept_back: int = 0


class DamagedArtifact(Answer, frozen=True, kw_only=True):
    """Bytes that are no longer what their digest says. `actual`: the digest that they have now, None where they are
    gone. `versions`: those that need them, such as `fraud-detector/3`."""

    digest: str
    size: int
    actual: str | None
    versions: list[str]


class ScrubStep(Answer, frozen=True, kw_only=True):
    """What one step of reading all bytes found. `cursor` goes into the next step; None: that was the last."""

    cursor: str | None
    artifacts: int
    bytes: int
    damaged: list[DamagedArtifact]


class Health(Answer, frozen=True, kw_only=True):
    status: str
    version: str
    components: dict[str, str] = {}

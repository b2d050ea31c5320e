"""What a caller sends. Unknown fields are refused: a misspelt field must not be a silently missing one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from registry_service.domain.entities import (
    CheckStatus,
    DeploymentRole,
    DeploymentStatus,
    LineageKind,
    PrincipalKind,
    Verdict,
)
from registry_service.domain.metadata import Metadata, MetadataField
from registry_service.domain.policies import PolicyDocument
from registry_service.domain.retention_rules import RetentionDocument

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with a zone: without one it names no moment."""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all bodies."""


# ------------------------------------------------------------------------------------------- models and versions


class CreateModel(Request, frozen=True, kw_only=True):
    """`stages` are made in this order; None: `staging`, `production`. `owners` empty: the caller, or for a service
    those who own it."""

    name: str
    description: str = ""
    owners: list[str] = []
    tags: dict[str, str] = {}
    metadata_fields: list[MetadataField] = []
    stages: list[str] | None = None


class UpdateModel(Request, frozen=True, kw_only=True):
    """`owners` and `tags` given replace all owners and all tags."""

    description: str | msgspec.UnsetType = msgspec.UNSET
    owners: list[str] | msgspec.UnsetType = msgspec.UNSET
    tags: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    metadata_fields: list[MetadataField] | msgspec.UnsetType = msgspec.UNSET
    archived: bool | msgspec.UnsetType = msgspec.UNSET


class WriteCard(Request, frozen=True, kw_only=True):
    """`text` is Markdown, which may begin with front matter in YAML between two lines of `---`."""

    text: str


class RenameModel(Request, frozen=True, kw_only=True):
    """Two things are for those who may write policies to confirm. `drop_policies`: that policies which match the
    present name only hold no longer. `keep_current`: that what is current, or may come back by a rollback, stays so
    under policies of the new name by which it was never judged."""

    name: str
    reason: str = ""
    drop_policies: bool = False
    keep_current: bool = False


class NewManifestFile(Request, frozen=True, kw_only=True):
    path: str
    digest: str
    size: int
    media_type: str = "application/octet-stream"


class NewLineageEdge(Request, frozen=True, kw_only=True):
    """`ref` of a parent version is `<model>/<number>`, or its content digest; it must be a version that the caller may
    read. `digest` given besides must be the parent's."""

    kind: LineageKind
    ref: str
    digest: str | None = None
    url: str | None = None
    details: dict[str, str] = {}


class RegisterVersion(Request, frozen=True, kw_only=True):
    """`upload` is the session that brought the bytes. `identity` is unique per model: a second registration under it
    answers with the first one's version, whatever its body. `people` are those whom the caller says took part; it
    can only keep them from reviewing."""

    files: list[NewManifestFile]
    upload: str | None = None
    metadata: Metadata = Metadata()
    description: str = ""
    tags: dict[str, str] = {}
    aliases: list[str] = []
    lineage: list[NewLineageEdge] = []
    identity: str | None = None
    source_uri: str | None = None
    people: list[str] = []


class AddLineage(Request, frozen=True, kw_only=True):
    """What is learnt later of what made a version. Edges are only ever added; what is there already has no effect."""

    edges: list[NewLineageEdge]


class UpdateVersion(Request, frozen=True, kw_only=True):
    description: str | msgspec.UnsetType = msgspec.UNSET
    tags: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


class RevokeVersion(Request, frozen=True, kw_only=True):
    reason: str


class DeleteVersion(Request, frozen=True, kw_only=True):
    reason: str


class PlaceLegalHold(Request, frozen=True, kw_only=True):
    reason: str


class LiftLegalHold(Request, frozen=True, kw_only=True):
    reason: str


class NewUploadFile(Request, frozen=True, kw_only=True):
    digest: str
    size: int


class StartUpload(Request, frozen=True, kw_only=True):
    """`resume`: where a session of the caller's that announced the very same files is still open, go on with that."""

    model: str
    files: list[NewUploadFile]
    resume: bool = False


class MoveAlias(Request, frozen=True, kw_only=True):
    """`version` is a selector."""

    version: str


class NewAttachment(Request, frozen=True, kw_only=True):
    name: str
    digest: str
    size: int
    media_type: str = "application/octet-stream"

    @property
    def path(self) -> str:
        return self.name


class ReportCheck(Request, frozen=True, kw_only=True):
    """`attachments` are files, at most 16 of at most 64 MiB; `upload` is the session that brought their bytes. `url` is
    a link by HTTP, without a secret."""

    name: str
    status: CheckStatus
    summary: str = ""
    evidence: dict[str, object] = {}
    url: str | None = None
    attachments: list[NewAttachment] = []
    upload: str | None = None


class ReportUsage(Request, frozen=True, kw_only=True):
    """`batch` is what the version was used for, `run` who used it; both are references, and must carry no secret.
    `rows`: how many it was used on. `digest`: the content that was used, refused where the version has another."""

    batch: str
    run: str
    rows: int | None = None
    digest: str | None = None


# -------------------------------------------------------------------------------------------------------- stages


class ArrangeStages(Request, frozen=True, kw_only=True):
    """All stages of the model in their new order. New names are made; a vacant, never used one may be left out."""

    stages: list[str]


class HoldStage(Request, frozen=True, kw_only=True):
    reason: str
    until: Moment | None = None


class VacateStage(Request, frozen=True, kw_only=True):
    from_version: int
    reason: str


class RollbackHold(Request, frozen=True, kw_only=True):
    reason: str
    until: Moment | None = None


class RollBack(Request, frozen=True, kw_only=True):
    """Bound to what it undoes: `from_version`, or the promotion that brought it. `to` is a selector; None: the last
    version that was current here and is still good."""

    reason: str
    from_version: int | None = None
    promotion: str | None = None
    to: str | None = None
    hold: RollbackHold | None = None
    people: list[str] = []


class ClearFailure(Request, frozen=True, kw_only=True):
    version: int
    reason: str


# ---------------------------------------------------------------------------------------------------- promotions


class RequestPromotion(Request, frozen=True, kw_only=True):
    """`version` is a selector, resolved once. An open promotion of the same digest to the same stage is answered
    instead of making a second one, as it is: with the people who its requester said took part. Whoever asks again for
    what others asked for takes no part in it."""

    model: str
    version: str
    stage: str
    reason: str = ""
    people: list[str] = []


class GiveReview(Request, frozen=True, kw_only=True):
    """`digest` is what the reviewer looked at: a review of anything else is refused."""

    verdict: Verdict
    digest: str
    comment: str = ""


class PromotionReview(Request, frozen=True, kw_only=True):
    """A review of one promotion among many."""

    promotion: str
    verdict: Verdict
    digest: str
    comment: str = ""


class ReviewPromotions(Request, frozen=True, kw_only=True):
    """At most 100, each of another promotion."""

    reviews: list[PromotionReview]


class TakeLease(Request, frozen=True, kw_only=True):
    """`holder` names one run, not a process: a retry of the run takes the same lease again. `seconds` None: as the
    policy says."""

    holder: str
    seconds: int | None = None


class ReleaseLease(Request, frozen=True, kw_only=True):
    holder: str


class ApplyPromotion(Request, frozen=True, kw_only=True):
    """`holder` is needed where a lease is held."""

    holder: str | None = None


class FailPromotion(Request, frozen=True, kw_only=True):
    holder: str
    reason: str


class CancelPromotion(Request, frozen=True, kw_only=True):
    reason: str = ""


# ------------------------------------------------------------------------------------------------------ comments


class WriteComment(Request, frozen=True, kw_only=True):
    """`text` is Markdown. `@name` mentions a person or group that may read the model; elsewhere it stays text."""

    text: str


class Subscribe(Request, frozen=True, kw_only=True):
    """`pattern` is a model's name, or one with the wildcards `*` and `?`."""

    pattern: str


class Delegate(Request, frozen=True, kw_only=True):
    """`to` stands in for the caller from `starts_at` (None: now) until `until`."""

    to: str
    until: Moment
    starts_at: Moment | None = None
    reason: str = ""


class MarkRead(Request, frozen=True, kw_only=True):
    """Ids of comments that mention the caller; at most 200."""

    comments: list[str]


# ------------------------------------------------------------------------------------------------------ policies


class WritePolicy(Request, frozen=True, kw_only=True):
    """A new policy, or the next version of one (then `If-Match` names the version that it replaces). `force` makes
    open promotions under the old version STALE; otherwise they keep the version they were requested under."""

    document: PolicyDocument
    force: bool = False


class AttachPolicy(Request, frozen=True, kw_only=True):
    policy: str
    model_pattern: str
    stage: str = "*"
    default: bool = False
    force: bool = False


class TestPolicy(Request, frozen=True, kw_only=True):
    """Judges a version against a policy without any effect. `document` None: the policies in force."""

    model: str
    version: str
    stage: str
    document: PolicyDocument | None = None


# ----------------------------------------------------------------------------------------------------- retention


class WriteRetentionRule(Request, frozen=True, kw_only=True):
    """A new rule, or the next version of one (then `If-Match` names the version that it replaces)."""

    document: RetentionDocument


class StartPreview(Request, frozen=True, kw_only=True):
    """`pattern`: of the names of the models that are looked at; those that no rule is about are passed over."""

    pattern: str = "*"


# --------------------------------------------------------------------------------------------------- deployments


class StartDeployment(Request, frozen=True, kw_only=True):
    """`version` is a selector; None: the promotion's. `traffic` is a share, 0 to 1; a shadow's is
    the share that is mirrored to it, whose answers nobody gets."""

    model: str
    target: str
    version: str | None = None
    promotion: str | None = None
    stage: str | None = None
    role: DeploymentRole = DeploymentRole.PRIMARY
    traffic: float = 1.0
    run: str | None = None


class ObserveDeployment(Request, frozen=True, kw_only=True):
    """What the target says it serves. None: it serves nothing. `metrics`: what was measured of it by now, such as
    latency, errors and scores; at most 50 figures. `release`: the reason why the target, whose deployment has ended,
    is protected by its stage no longer; only who may vacate the stage gives it."""

    digest: str | None
    status: DeploymentStatus = DeploymentStatus.RUNNING
    metrics: dict[str, float] = {}
    release: str | None = None


# --------------------------------------------------------------------------------------------------- who one is


class CreatePrincipal(Request, frozen=True, kw_only=True):
    name: str
    kind: PrincipalKind
    display_name: str = ""
    owners: list[str] = []


class UpdatePrincipal(Request, frozen=True, kw_only=True):
    display_name: str | msgspec.UnsetType = msgspec.UNSET
    owners: list[str] | msgspec.UnsetType = msgspec.UNSET
    disabled: bool | msgspec.UnsetType = msgspec.UNSET


class CreateGrant(Request, frozen=True, kw_only=True):
    """Exactly one of `principal` and `group`."""

    role: str
    pattern: str = "*"
    principal: str | None = None
    group: str | None = None


class WriteGroup(Request, frozen=True, kw_only=True):
    members: list[str]


class CreateToken(Request, frozen=True, kw_only=True):
    """`principal` None: the caller. Empty `patterns`: all models. A token made with a
    token is never wider or longer than that one."""

    name: str
    principal: str | None = None
    role: str | None = None
    patterns: list[str] = []
    expires_in_days: int = 90


class CreateLoginLink(Request, frozen=True, kw_only=True):
    """`path`: the page that the link leads to."""

    path: str = "/"


class OpenSession(Request, frozen=True, kw_only=True):
    """`token`: a personal token, or what stands in a login link."""

    token: str


class MoveConsumer(Request, frozen=True, kw_only=True):
    """`cursor` as an event page gave it, or `start` or `latest`."""

    cursor: str


# --------------------------------------------------------------------------------------------------- maintenance


class CollectGarbage(Request, frozen=True, kw_only=True):
    """One step of a collection. `grace`: seconds that an artifact which nobody needs is kept. `dry_run`: only say what
    would be done. `cursor`: that of the step before; None begins."""

    grace: int = 86_400
    dry_run: bool = False
    cursor: str | None = None


class Scrub(Request, frozen=True, kw_only=True):
    """One step of reading all bytes. `cursor`: that of the step before; None goes on where the last scrub stopped,
    `start` begins anew. `rate`: bytes per second at most. `seconds`: after which the step ends, in the middle of an
    artifact where need be."""

    cursor: str | None = None
    rate: int | None = None
    seconds: int = 5

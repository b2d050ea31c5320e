"""The things of the registry as every answer shows them: to Python, to JSON, to Airflow. One file for each subject.

Answers tolerate fields that they don't know, so that an older client reads a newer service. Times are aware and in
UTC. Every answer that belongs to a model carries the model's `revision`, which grows with each change of the model.
"""

from __future__ import annotations

from registry_service.domain.entities.answer import Answer, Page
from registry_service.domain.entities.card import (
    CardChange,
    CardChanges,
    CardFieldChange,
    CardRevision,
    CardSectionChange,
    ModelCard,
    VersionCard,
)
from registry_service.domain.entities.care import CollectedArtifact, CollectionStep, DamagedArtifact, Health, ScrubStep
from registry_service.domain.entities.comment import Comment
from registry_service.domain.entities.comparison import (
    ComparedCheck,
    ComparedFile,
    ComparedMetric,
    ComparedValue,
    ComparedVersion,
    Comparison,
    FileChange,
    FileComparison,
)
from registry_service.domain.entities.deployment import Deployment, DeploymentRole, DeploymentStatus
from registry_service.domain.entities.event import Consumer, Event, EventPage
from registry_service.domain.entities.facets import Facet, Facets, FacetValue
from registry_service.domain.entities.following import Activity, Subscription
from registry_service.domain.entities.forgotten import ForgottenStage, ForgottenUpload, ForgottenVersion, ModelStock
from registry_service.domain.entities.found import FoundText
from registry_service.domain.entities.inbox import AwaitedReview, Inbox, UnreadMention
from registry_service.domain.entities.lineage import (
    LineageDirection,
    LineageGraph,
    LineageLink,
    LineageNode,
    MadeFrom,
    NodeKind,
)
from registry_service.domain.entities.live import LiveDeployment, LiveModel, LiveStage
from registry_service.domain.entities.measuring import Measurement, MetricSummary, RoleComparison, RoleMetrics
from registry_service.domain.entities.model import Alias, RegisteredModel
from registry_service.domain.entities.policy import Policy, PolicyAttachment, PolicyChange
from registry_service.domain.entities.principal import (
    Delegation,
    EndedSessions,
    Grant,
    Group,
    IssuedToken,
    LoginLink,
    Principal,
    PrincipalKind,
    Token,
    WhoAmI,
)
from registry_service.domain.entities.promotion import (
    Closure,
    Lease,
    PossibleReviewer,
    PossibleReviewers,
    Promotion,
    ReviewOutcome,
    ReviewOutcomes,
)
from registry_service.domain.entities.provenance import (
    PromotionRecord,
    ReviewRecord,
    SpellEnd,
    StageSpell,
    VersionProvenance,
)
from registry_service.domain.entities.retention import (
    Fate,
    Keep,
    KeepKind,
    PreviewedVersion,
    PreviewPhase,
    RetentionPreview,
    RetentionRule,
)
from registry_service.domain.entities.review import Attachment, Check, CheckStatus, Review, Verdict
from registry_service.domain.entities.revocation import AffectedStage, DerivedVersion, RevocationImpact, RevokedVersion
from registry_service.domain.entities.signature import (
    Replaceability,
    SignatureComparison,
    SignatureFinding,
    SignatureSide,
)
from registry_service.domain.entities.stage import Hold, Stage, StageChange, StageRecord
from registry_service.domain.entities.upload import Upload, UploadFile, UploadPart, UploadParts
from registry_service.domain.entities.usage import Usage, VersionUse
from registry_service.domain.entities.use import Use, UseKind
from registry_service.domain.entities.version import (
    Deletion,
    LegalHold,
    LineageEdge,
    LineageKind,
    Manifest,
    ManifestFile,
    ModelVersion,
    Revocation,
    VersionStatus,
)

__all__ = [
    "Activity",
    "AffectedStage",
    "Alias",
    "Answer",
    "Attachment",
    "AwaitedReview",
    "CardChange",
    "CardChanges",
    "CardFieldChange",
    "CardRevision",
    "CardSectionChange",
    "Check",
    "CheckStatus",
    "Closure",
    "CollectedArtifact",
    "CollectionStep",
    "Comment",
    "ComparedCheck",
    "ComparedFile",
    "ComparedMetric",
    "ComparedValue",
    "ComparedVersion",
    "Comparison",
    "Consumer",
    "DamagedArtifact",
    "Delegation",
    "Deletion",
    "Deployment",
    "DeploymentRole",
    "DeploymentStatus",
    "DerivedVersion",
    "EndedSessions",
    "Event",
    "EventPage",
    "Facet",
    "FacetValue",
    "Facets",
    "Fate",
    "FileChange",
    "FileComparison",
    "ForgottenStage",
    "ForgottenUpload",
    "ForgottenVersion",
    "FoundText",
    "Grant",
    "Group",
    "Health",
    "Hold",
    "Inbox",
    "IssuedToken",
    "Keep",
    "KeepKind",
    "Lease",
    "LegalHold",
    "LineageDirection",
    "LineageEdge",
    "LineageGraph",
    "LineageKind",
    "LineageLink",
    "LineageNode",
    "LiveDeployment",
    "LiveModel",
    "LiveStage",
    "LoginLink",
    "MadeFrom",
    "Manifest",
    "ManifestFile",
    "Measurement",
    "MetricSummary",
    "ModelCard",
    "ModelStock",
    "ModelVersion",
    "NodeKind",
    "Page",
    "Policy",
    "PolicyAttachment",
    "PolicyChange",
    "PossibleReviewer",
    "PossibleReviewers",
    "PreviewPhase",
    "PreviewedVersion",
    "Principal",
    "PrincipalKind",
    "Promotion",
    "PromotionRecord",
    "RegisteredModel",
    "Replaceability",
    "RetentionPreview",
    "RetentionRule",
    "Review",
    "ReviewOutcome",
    "ReviewOutcomes",
    "ReviewRecord",
    "Revocation",
    "RevocationImpact",
    "RevokedVersion",
    "RoleComparison",
    "RoleMetrics",
    "ScrubStep",
    "SignatureComparison",
    "SignatureFinding",
    "SignatureSide",
    "SpellEnd",
    "Stage",
    "StageChange",
    "StageRecord",
    "StageSpell",
    "Subscription",
    "Token",
    "UnreadMention",
    "Upload",
    "UploadFile",
    "UploadPart",
    "UploadParts",
    "Usage",
    "Use",
    "UseKind",
    "Verdict",
    "VersionCard",
    "VersionProvenance",
    "VersionStatus",
    "VersionUse",
    "WhoAmI",
]

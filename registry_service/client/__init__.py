"""The registry for Python: `RegistryClient`, `AsyncRegistryClient`, and the values that they take and answer with.

    from registry_service.client import Metadata, RegistryClient

    with RegistryClient() as registry:
        churn = registry.model("churn")
        churn.register("model/", metadata=Metadata(metrics={"auc": 0.91}))
        churn.version("@production").download("live/")

Names are imported when they are first used: whoever needs only an error's class doesn't load an HTTP library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

# Lists of names read better packed.
# fmt: off
# isort: off
if TYPE_CHECKING:
    from registry_service.client.archives import (
        read_archive, verify_archive,
    )
    from registry_service.client.asynchronous import AsyncRegistryClient
    from registry_service.client.calls import Call
    from registry_service.client.carrying import ImportedVersion
    from registry_service.client.credentials import Credentials, stored_credentials
    from registry_service.client.errors import NotConfigured, RegistryUnreachable, UnexpectedAnswer
    from registry_service.client.files import LocalFile, collect
    from registry_service.client.handles.asynchronous import (
        AsyncAliasHandle, AsyncListing, AsyncModelHandle, AsyncPromotionHandle, AsyncStageHandle, AsyncVersionHandle,
    )
    from registry_service.client.handles.sync import (
        AliasHandle, Listing, ModelHandle, PromotionHandle, StageHandle, VersionHandle,
    )
    from registry_service.client.retries import RetryPolicy
    from registry_service.client.sync import RegistryClient
    from registry_service.domain.archive import (
        Archive, ArchiveFault, ArchiveRecord, ArchivedCheck, ArchivedHistory, ArchivedPromotion, ArchivedReview,
        ArchivedVersion,
    )
    from registry_service.domain.decisions import Decision, Outcome, Reason, ReasonCode, SatisfiedCode
    from registry_service.domain.entities import (
        Activity, AffectedStage, Alias, Attachment, AwaitedReview, CardChange, CardChanges, CardFieldChange,
        CardRevision, CardSectionChange, Check, CheckStatus, Closure, CollectedArtifact, CollectionStep, Comment,
        ComparedCheck, ComparedFile, ComparedMetric, ComparedValue, ComparedVersion, Comparison, Consumer,
        DamagedArtifact, Delegation, Deletion, Deployment, DeploymentRole, DeploymentStatus, DerivedVersion, Event,
        EventPage, Facet, FacetValue, Facets, Fate, FileChange, FileComparison, ForgottenStage, ForgottenUpload,
        ForgottenVersion, FoundText, Grant, Group, Health, Hold, Inbox, IssuedToken, Keep, KeepKind, Lease, LegalHold,
        LineageDirection, LineageEdge, LineageGraph, LineageKind, LineageLink, LineageNode, LiveDeployment, LiveModel,
        LiveStage, MadeFrom, Manifest, ManifestFile, Measurement, MetricSummary, ModelCard, ModelStock, ModelVersion,
        NodeKind, Page, Policy, PolicyAttachment, PolicyChange, PossibleReviewer, PossibleReviewers, PreviewPhase,
        PreviewedVersion, Principal, PrincipalKind, Promotion, PromotionRecord, RegisteredModel, Replaceability,
        RetentionPreview, RetentionRule, Review, ReviewOutcome, ReviewOutcomes, ReviewRecord, Revocation,
        RevocationImpact, RevokedVersion, RoleComparison, RoleMetrics, ScrubStep, SignatureComparison,
        SignatureFinding, SignatureSide, SpellEnd, Stage, StageChange, StageRecord, StageSpell, Subscription, Token,
        UnreadMention, Upload, Usage, Use, UseKind, Verdict, VersionCard, VersionProvenance, VersionStatus, VersionUse,
        WhoAmI,
    )
    from registry_service.domain.errors import (
        AliasNotFound, AlreadyExists, AmbiguousDigest, ArtifactMissing, AttachmentNotFound, BeingCollected,
        CardNotFound, CommentNotFound, CommentRequired, Conflict, ConsumerNotFound, CursorFromOtherEpoch,
        DatabaseUnavailable, DelegationNotFound, DelegationOverlaps, DeploymentNotFound, DigestMismatch,
        FileNotInVersion, GroupNotFound, IdempotencyKeyReused, IllegalMove, InUse, InvalidArchive, InvalidCard,
        InvalidCursor, InvalidDigest, InvalidFilter, InvalidInput, InvalidManifest, InvalidMetadata, InvalidName,
        InvalidPath, InvalidPolicy, InvalidRange, InvalidRule, InvalidSelector, LeaseHeld, LineageCycle,
        MetadataRequired, ModelNotFound, ModelRenamed, NameClash, NameReserved, NoRollbackTarget, NotApproved,
        NotAuthenticated, NotFound, NotLeaseHolder, NotPermitted, NothingToRollBack, OlderThanCurrent, Overloaded,
        PersonRequired, PoliciesDropped, PoliciesGained, PolicyNotFound, Precondition, PreviewNotFound, PreviewOutdated,
        PrincipalNotFound, PromotionFinal, PromotionNotFound, RegistryError, RevisionMismatch, RevisionRequired,
        RuleNotFound, SelfApproval, SizeMismatch, StageHeld, StageNotFound, StageProtected, StageVacant, StorageFull,
        StorageUnavailable, SubscriptionNotFound, TokenNotFound, TooLarge, TooManyStreams, TooManyUploads, Unavailable,
        UploadClosed, UploadIncomplete, UploadNotFound, VersionDeleted, VersionNotFound, VersionRevoked,
    )
    from registry_service.domain.evaluation import Regression, regressions
    from registry_service.domain.following import Concern
    from registry_service.domain.mentions import Mentions
    from registry_service.domain.metadata import Direction, FieldType, Metadata, MetadataField, Signature
    from registry_service.domain.policies import (
        OnNewer, PolicyDocument, PolicyPin, Prerequisite, RequiredCheck, RequiredCondition, ReviewRule, RollbackRule,
    )
    from registry_service.domain.promotions import Phase, PromotionKind
    from registry_service.domain.quoting import quoted
    from registry_service.domain.requests import (
        AddLineage, ApplyPromotion, ArrangeStages, AttachPolicy, CancelPromotion, ClearFailure, CollectGarbage,
        CreateGrant, CreateModel, CreatePrincipal, CreateToken, Delegate, DeleteVersion, FailPromotion, GiveReview,
        HoldStage, LiftLegalHold, MarkRead, MoveAlias, MoveConsumer, NewAttachment, NewLineageEdge, NewManifestFile,
        NewUploadFile, ObserveDeployment, PlaceLegalHold, PromotionReview, RegisterVersion, ReleaseLease, RenameModel,
        ReportCheck, ReportUsage, RequestPromotion, ReviewPromotions, RevokeVersion, RollBack, RollbackHold, Scrub,
        StartDeployment, StartPreview, StartUpload, Subscribe, TakeLease, TestPolicy, UpdateModel, UpdatePrincipal,
        UpdateVersion, VacateStage, WriteCard, WriteComment, WriteGroup, WritePolicy, WriteRetentionRule,
    )
    from registry_service.domain.retention_rules import RetentionDocument
    from registry_service.domain.strictness import convert_strictly, decode_strictly

__all__ = [
    "Activity", "AddLineage", "AffectedStage", "Alias", "AliasHandle", "AliasNotFound", "AlreadyExists",
    "AmbiguousDigest", "ApplyPromotion", "Archive", "ArchiveFault", "ArchiveRecord", "ArchivedCheck",
    "ArchivedHistory", "ArchivedPromotion", "ArchivedReview", "ArchivedVersion", "ArrangeStages", "ArtifactMissing",
    "AsyncAliasHandle", "AsyncListing", "AsyncModelHandle", "AsyncPromotionHandle", "AsyncRegistryClient",
    "AsyncStageHandle", "AsyncVersionHandle", "AttachPolicy", "Attachment", "AttachmentNotFound", "AwaitedReview",
    "BeingCollected", "Call", "CancelPromotion", "CardChange", "CardChanges", "CardFieldChange", "CardNotFound",
    "CardRevision", "CardSectionChange", "Check", "CheckStatus", "ClearFailure", "Closure", "CollectGarbage",
    "CollectedArtifact", "CollectionStep", "Comment", "CommentNotFound", "CommentRequired", "ComparedCheck",
    "ComparedFile", "ComparedMetric", "ComparedValue", "ComparedVersion", "Comparison", "Concern", "Conflict",
    "Consumer", "ConsumerNotFound", "CreateGrant", "CreateModel", "CreatePrincipal", "CreateToken", "Credentials",
    "CursorFromOtherEpoch", "DamagedArtifact", "DatabaseUnavailable", "Decision", "Delegate", "Delegation",
    "DelegationNotFound", "DelegationOverlaps", "DeleteVersion", "Deletion", "Deployment", "DeploymentNotFound",
    "DeploymentRole", "DeploymentStatus", "DerivedVersion", "DigestMismatch", "Direction", "Event", "EventPage",
    "Facet", "FacetValue", "Facets", "FailPromotion", "Fate", "FieldType", "FileChange", "FileComparison",
    "FileNotInVersion", "ForgottenStage", "ForgottenUpload", "ForgottenVersion", "FoundText", "GiveReview", "Grant",
    "Group", "GroupNotFound", "Health", "Hold", "HoldStage", "IdempotencyKeyReused", "IllegalMove", "ImportedVersion",
    "InUse", "Inbox", "InvalidArchive", "InvalidCard", "InvalidCursor", "InvalidDigest", "InvalidFilter",
    "InvalidInput", "InvalidManifest", "InvalidMetadata", "InvalidName", "InvalidPath", "InvalidPolicy",
    "InvalidRange", "InvalidRule", "InvalidSelector", "IssuedToken", "Keep", "KeepKind", "Lease", "LeaseHeld",
    "LegalHold", "LiftLegalHold", "LineageCycle", "LineageDirection", "LineageEdge", "LineageGraph", "LineageKind",
    "LineageLink", "LineageNode", "Listing", "LiveDeployment", "LiveModel", "LiveStage", "LocalFile", "MadeFrom",
    "Manifest", "ManifestFile", "MarkRead", "Measurement", "Mentions", "Metadata", "MetadataField", "MetadataRequired",
    "MetricSummary", "ModelCard", "ModelHandle", "ModelNotFound", "ModelRenamed", "ModelStock", "ModelVersion",
    "MoveAlias", "MoveConsumer", "NameClash", "NameReserved", "NewAttachment", "NewLineageEdge", "NewManifestFile",
    "NewUploadFile", "NoRollbackTarget", "NodeKind", "NotApproved", "NotAuthenticated", "NotConfigured", "NotFound",
    "NotLeaseHolder", "NotPermitted", "NothingToRollBack", "ObserveDeployment", "OlderThanCurrent", "OnNewer",
    "Outcome", "Overloaded", "Page", "PersonRequired", "Phase", "PlaceLegalHold", "PoliciesDropped", "PoliciesGained",
    "Policy", "PolicyAttachment", "PolicyChange", "PolicyDocument", "PolicyNotFound", "PolicyPin", "PossibleReviewer",
    "PossibleReviewers", "Precondition", "Prerequisite", "PreviewNotFound", "PreviewOutdated", "PreviewPhase",
    "PreviewedVersion", "Principal", "PrincipalKind", "PrincipalNotFound", "Promotion", "PromotionFinal",
    "PromotionHandle", "PromotionKind", "PromotionNotFound", "PromotionRecord", "PromotionReview", "Reason",
    "ReasonCode", "RegisterVersion", "RegisteredModel", "RegistryClient", "RegistryError", "RegistryUnreachable",
    "Regression", "ReleaseLease", "RenameModel", "Replaceability", "ReportCheck", "ReportUsage", "RequestPromotion",
    "RequiredCheck", "RequiredCondition", "RetentionDocument", "RetentionPreview", "RetentionRule", "RetryPolicy",
    "Review", "ReviewOutcome", "ReviewOutcomes", "ReviewPromotions", "ReviewRecord", "ReviewRule", "RevisionMismatch",
    "RevisionRequired", "Revocation", "RevocationImpact", "RevokeVersion", "RevokedVersion", "RoleComparison",
    "RoleMetrics", "RollBack", "RollbackHold", "RollbackRule", "RuleNotFound", "SatisfiedCode", "Scrub", "ScrubStep",
    "SelfApproval", "Signature", "SignatureComparison", "SignatureFinding", "SignatureSide", "SizeMismatch",
    "SpellEnd", "Stage", "StageChange", "StageHandle", "StageHeld", "StageNotFound", "StageProtected", "StageRecord",
    "StageSpell", "StageVacant", "StartDeployment", "StartPreview", "StartUpload", "StorageFull", "StorageUnavailable",
    "Subscribe", "Subscription", "SubscriptionNotFound", "TakeLease", "TestPolicy", "Token", "TokenNotFound",
    "TooLarge", "TooManyStreams", "TooManyUploads", "Unavailable", "UnexpectedAnswer", "UnreadMention", "UpdateModel",
    "UpdatePrincipal", "UpdateVersion", "Upload", "UploadClosed", "UploadIncomplete", "UploadNotFound", "Usage", "Use",
    "UseKind", "VacateStage", "Verdict", "VersionCard", "VersionDeleted", "VersionHandle", "VersionNotFound",
    "VersionProvenance", "VersionRevoked", "VersionStatus", "VersionUse", "WhoAmI", "WriteCard", "WriteComment",
    "WriteGroup", "WritePolicy", "WriteRetentionRule", "collect", "convert_strictly", "decode_strictly", "quoted",
    "read_archive", "regressions", "stored_credentials", "verify_archive",
]
# isort: on
# fmt: on

# In this order: what comes first is quick to load. The clients bring the HTTP library.
_PLACES: Final = (
    "registry_service.domain.decisions",
    "registry_service.domain.entities",
    "registry_service.domain.errors",
    "registry_service.domain.evaluation",
    "registry_service.domain.following",
    "registry_service.domain.mentions",
    "registry_service.domain.metadata",
    "registry_service.domain.policies",
    "registry_service.domain.promotions",
    "registry_service.domain.quoting",
    "registry_service.domain.requests",
    "registry_service.domain.retention_rules",
    "registry_service.domain.strictness",
    "registry_service.domain.archive",
    "registry_service.client.calls",
    "registry_service.client.credentials",
    "registry_service.client.errors",
    "registry_service.client.files",
    "registry_service.client.archives",
    "registry_service.client.retries",
    "registry_service.client.carrying",
    "registry_service.client.handles.sync",
    "registry_service.client.sync",
    "registry_service.client.handles.asynchronous",
    "registry_service.client.asynchronous",
)


def __getattr__(name: str) -> object:
    if name in __all__:
        for place in map(import_module, _PLACES):
            if hasattr(place, name):
                globals()[name] = getattr(place, name)
                return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

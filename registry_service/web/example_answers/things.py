"""The one model that all examples speak of, and what is said of it more than once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import msgspec

from registry_service.domain import entities
from registry_service.domain.decisions import Decision, Outcome, Reason, ReasonCode, SatisfiedCode
from registry_service.domain.manifest import content_digest, digest_of
from registry_service.domain.mentions import Mentions
from registry_service.domain.policies import TEAM, PolicyPin
from registry_service.domain.requests import (
    CreateModel,
    CreateToken,
    HoldStage,
    RegisterVersion,
    ReportCheck,
    ReportUsage,
    RequestPromotion,
    RevokeVersion,
    WriteCard,
    WriteComment,
    WriteRetentionRule,
)
from registry_service.web.examples import EXAMPLES

T = TypeVar("T")

AT: Final = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
URL: Final = "https://registry.example"
PROMOTION: Final = "k4x5w2m7q3n6z2ab"
LOG: Final = "f7k2m9x4w6q3n5z2"


def body_of(of: type[T]) -> T:
    found: T = EXAMPLES[of]
    return found


CREATED: Final = body_of(CreateModel)
REGISTERED: Final = body_of(RegisterVersion)
REQUESTED: Final = body_of(RequestPromotion)
REPORTED: Final = body_of(ReportCheck)
HELD: Final = body_of(HoldStage)
USED: Final = body_of(ReportUsage)
TOKEN: Final = body_of(CreateToken)
COMMENTED: Final = body_of(WriteComment)
WRITTEN: Final = body_of(WriteCard)

RULE: Final = body_of(WriteRetentionRule).document

MODEL: Final = CREATED.name
NUMBER: Final = 7
DIGEST: Final = content_digest(REGISTERED.files, REGISTERED.metadata)
PINS: Final = [PolicyPin(name=TEAM.name, version=1)]

VERSION: Final = entities.ModelVersion(
    model_id="a3n7k2x9w4m6q5z2",
    model_name=MODEL,
    number=NUMBER,
    digest=DIGEST,
    status=entities.VersionStatus.READY,
    metadata=REGISTERED.metadata,
    description="Trained without the holidays.",
    tags={"country": "de"},
    aliases=["champion"],
    stages=["production"],
    lineage=[entities.LineageEdge(kind=edge.kind, ref=edge.ref) for edge in REGISTERED.lineage],
    file_count=len(REGISTERED.files),
    size=sum(file.size for file in REGISTERED.files),
    identity=None,
    source_uri=None,
    created_at=AT,
    created_by="airflow",
    revoked=None,
    revision=31,
    url=f"{URL}/models/{MODEL}/versions/{NUMBER}",
)
MANIFEST: Final = entities.Manifest(
    model_name=MODEL,
    number=NUMBER,
    digest=DIGEST,
    files=[
        entities.ManifestFile(path=file.path, digest=file.digest, size=file.size, media_type=file.media_type)
        for file in REGISTERED.files
    ],
)
CHECK: Final = entities.Check(
    id=3,
    model_name=MODEL,
    version=NUMBER,
    digest=DIGEST,
    name=REPORTED.name,
    status=REPORTED.status,
    summary="",
    evidence=REPORTED.evidence,
    url=None,
    reported_by="airflow",
    reported_at=AT,
    revision=27,
    attachments=[
        entities.Attachment(name=file.name, digest=file.digest, size=file.size, media_type=file.media_type)
        for file in REPORTED.attachments
    ],
)
BEFORE: Final = msgspec.structs.replace(
    VERSION,
    number=6,
    metadata=msgspec.structs.replace(VERSION.metadata, metrics={"auc": 0.92}),
    aliases=[],
    stages=[],
    url=f"{URL}/models/{MODEL}/versions/6",
)
REVIEW: Final = entities.Review(
    id=12,
    promotion_id=PROMOTION,
    reviewer="ada",
    verdict=entities.Verdict.APPROVE,
    comment="Evidence read.",
    digest=DIGEST,
    at=AT + HOUR,
    withdrawn_at=None,
)
APPROVED: Final = Reason(
    code=SatisfiedCode.REVIEW_GIVEN,
    message="Approved by ada.",
    policy=TEAM.name,
    rule=TEAM.rules[0].name,
    people=("ada",),
)
REVIEW_MISSING: Final = Reason(
    code=ReasonCode.REVIEW_MISSING,
    message=f"Policy 'team' asks for 1 more approval (another person) by people with the role approver on '{MODEL}'.",
    policy=TEAM.name,
    rule=TEAM.rules[0].name,
)
DECISION: Final = Decision(outcome=Outcome.APPLICABLE, reasons=(), satisfied=(APPROVED,))
CARD: Final = entities.ModelCard(
    model_name=MODEL,
    digest=digest_of(WRITTEN.text.encode()),
    size=len(WRITTEN.text.encode()),
    text=WRITTEN.text,
    front_matter={"license": "apache-2.0", "tags": ["fraud", "tabular"]},
    written_at=AT - DAY,
    written_by="ada",
    is_current=False,
    revision=20,
)
CARD_THEN: Final = entities.CardRevision(
    digest=CARD.digest, size=CARD.size, written_at=CARD.written_at, written_by="ada", revision=20
)
CARD_NOW: Final = entities.CardRevision(
    digest=digest_of(b"# What it is for"), size=16, written_at=AT + DAY, written_by="ada", revision=34
)
COMMENT: Final = entities.Comment(
    id="c4m7x2k9w3q6n5z2",
    model_name=MODEL,
    version=NUMBER,
    promotion_id=None,
    author="ada",
    text=COMMENTED.text,
    mentions=Mentions(people=("grace",)),
    at=AT + HOUR,
    edited_at=None,
    removed_at=None,
    revision=28,
)
TOKEN_INFO: Final = entities.Token(
    id="4bT9xQ2mK7Zc",
    name=TOKEN.name,
    kind="personal",
    principal="ada",
    role=None,
    patterns=[],
    created_at=AT,
    expires_at=AT + TOKEN.expires_in_days * DAY,
    revoked_at=None,
)
ADA: Final = entities.Principal(
    name="ada",
    kind=entities.PrincipalKind.PERSON,
    display_name="Ada",
    owners=[],
    groups=["risk"],
    grants=[entities.Grant(id="g2m7x4k9w3q6n5z2", principal="ada", group=None, role="approver", pattern="*")],
    disabled=False,
    created_at=AT - 30 * DAY,
)

REVOKED: Final = body_of(RevokeVersion)
DEPLOYMENT: Final = entities.Deployment(
    id="d9w3k7x2m4q6n5z2",
    model_name=MODEL,
    version=NUMBER,
    digest=DIGEST,
    target="eu-endpoint",
    role=entities.DeploymentRole.PRIMARY,
    traffic=1.0,
    stage="production",
    promotion_id=PROMOTION,
    run=None,
    status=entities.DeploymentStatus.RUNNING,
    observed_digest=DIGEST,
    observed_at=AT + 2 * HOUR,
    drifted=False,
    revoked=False,
    started_at=AT + 2 * HOUR,
    started_by="airflow",
    ended_at=None,
    released_at=None,
    revision=31,
)
IMPACT: Final = entities.RevocationImpact(
    model_name=MODEL,
    version=NUMBER,
    digest=DIGEST,
    versions=[NUMBER],
    stages=[entities.AffectedStage(stage="production", version=NUMBER, rollback_to=6)],
    aliases=["champion"],
    promotions=[],
    deployments=[DEPLOYMENT],
    derived=[
        entities.DerivedVersion(
            model_name=f"{MODEL}-small", version=2, digest=DIGEST, parent=f"{MODEL}/{NUMBER}", steps=1
        )
    ],
    derived_complete=True,
    revision=31,
)

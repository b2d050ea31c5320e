"""Answers as examples in the API's description: values of the very types that routes answer with, about the one model
that the examples of bodies speak of. What the registry computes (digests, problem documents) is computed here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from registry_service.domain import entities
from registry_service.domain.comparing import Compared, compare
from registry_service.domain.decisions import Decision, Outcome, Reason, ReasonCode, SatisfiedCode
from registry_service.domain.errors import DatabaseUnavailable, DigestMismatch, NotAuthenticated, StageHeld
from registry_service.domain.events import Cursor, EventKind
from registry_service.domain.following import Concern
from registry_service.domain.manifest import content_digest, digest_of
from registry_service.domain.mentions import Mentions
from registry_service.domain.policies import TEAM, PolicyPin
from registry_service.domain.promotions import Phase, PromotionKind
from registry_service.domain.requests import (
    CreateModel,
    CreateToken,
    HoldStage,
    ObserveDeployment,
    RegisterVersion,
    ReportCheck,
    ReportUsage,
    RequestPromotion,
    RevokeVersion,
    WriteCard,
    WriteComment,
    WriteRetentionRule,
)
from registry_service.web.errors import Problem, refused
from registry_service.web.examples import EXAMPLES
from registry_service.web.release import RELEASE

T = TypeVar("T")

_AT: Final = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_URL: Final = "https://registry.example"
_PROMOTION: Final = "k4x5w2m7q3n6z2ab"
_LOG: Final = "f7k2m9x4w6q3n5z2"


def _body(of: type[T]) -> T:
    found: T = EXAMPLES[of]
    return found


_CREATED: Final = _body(CreateModel)
_REGISTERED: Final = _body(RegisterVersion)
_REQUESTED: Final = _body(RequestPromotion)
_REPORTED: Final = _body(ReportCheck)
_HELD: Final = _body(HoldStage)
_USED: Final = _body(ReportUsage)
_TOKEN: Final = _body(CreateToken)
_COMMENTED: Final = _body(WriteComment)
_WRITTEN: Final = _body(WriteCard)

_RULE: Final = _body(WriteRetentionRule).document

_MODEL: Final = _CREATED.name
_NUMBER: Final = 7
_DIGEST: Final = content_digest(_REGISTERED.files, _REGISTERED.metadata)
_PINS: Final = [PolicyPin(name=TEAM.name, version=1)]

_VERSION: Final = entities.ModelVersion(
    model_id="a3n7k2x9w4m6q5z2",
    model_name=_MODEL,
    number=_NUMBER,
    digest=_DIGEST,
    status=entities.VersionStatus.READY,
    metadata=_REGISTERED.metadata,
    description="Trained without the holidays.",
    tags={"country": "de"},
    aliases=["champion"],
    stages=["production"],
    lineage=[entities.LineageEdge(kind=edge.kind, ref=edge.ref) for edge in _REGISTERED.lineage],
    file_count=len(_REGISTERED.files),
    size=sum(file.size for file in _REGISTERED.files),
    identity=None,
    source_uri=None,
    created_at=_AT,
    created_by="airflow",
    revoked=None,
    revision=31,
    url=f"{_URL}/models/{_MODEL}/versions/{_NUMBER}",
)
_MANIFEST: Final = entities.Manifest(
    model_name=_MODEL,
    number=_NUMBER,
    digest=_DIGEST,
    files=[
        entities.ManifestFile(path=file.path, digest=file.digest, size=file.size, media_type=file.media_type)
        for file in _REGISTERED.files
    ],
)
_CHECK: Final = entities.Check(
    id=3,
    model_name=_MODEL,
    version=_NUMBER,
    digest=_DIGEST,
    name=_REPORTED.name,
    status=_REPORTED.status,
    summary="",
    evidence=_REPORTED.evidence,
    url=None,
    reported_by="airflow",
    reported_at=_AT,
    revision=27,
    attachments=[
        entities.Attachment(name=file.name, digest=file.digest, size=file.size, media_type=file.media_type)
        for file in _REPORTED.attachments
    ],
)
_BEFORE: Final = msgspec.structs.replace(
    _VERSION,
    number=6,
    metadata=msgspec.structs.replace(_VERSION.metadata, metrics={"auc": 0.92}),
    aliases=[],
    stages=[],
    url=f"{_URL}/models/{_MODEL}/versions/6",
)
_REVIEW: Final = entities.Review(
    id=12,
    promotion_id=_PROMOTION,
    reviewer="ada",
    verdict=entities.Verdict.APPROVE,
    comment="Evidence read.",
    digest=_DIGEST,
    at=_AT + _HOUR,
    withdrawn_at=None,
)
_APPROVED: Final = Reason(
    code=SatisfiedCode.REVIEW_GIVEN,
    message="Approved by ada.",
    policy=TEAM.name,
    rule=TEAM.rules[0].name,
    people=("ada",),
)
_DECISION: Final = Decision(outcome=Outcome.APPLICABLE, reasons=(), satisfied=(_APPROVED,))
_CARD: Final = entities.ModelCard(
    model_name=_MODEL,
    digest=digest_of(_WRITTEN.text.encode()),
    size=len(_WRITTEN.text.encode()),
    text=_WRITTEN.text,
    front_matter={"license": "apache-2.0", "tags": ["fraud", "tabular"]},
    written_at=_AT - _DAY,
    written_by="ada",
    is_current=False,
    revision=20,
)
_CARD_THEN: Final = entities.CardRevision(
    digest=_CARD.digest, size=_CARD.size, written_at=_CARD.written_at, written_by="ada", revision=20
)
_CARD_NOW: Final = entities.CardRevision(
    digest=digest_of(b"# What it is for"), size=16, written_at=_AT + _DAY, written_by="ada", revision=34
)
_COMMENT: Final = entities.Comment(
    id="c4m7x2k9w3q6n5z2",
    model_name=_MODEL,
    version=_NUMBER,
    promotion_id=None,
    author="ada",
    text=_COMMENTED.text,
    mentions=Mentions(people=("grace",)),
    at=_AT + _HOUR,
    edited_at=None,
    removed_at=None,
    revision=28,
)
_TOKEN_INFO: Final = entities.Token(
    id="4bT9xQ2mK7Zc",
    name=_TOKEN.name,
    principal="ada",
    role=None,
    patterns=[],
    created_at=_AT,
    expires_at=_AT + _TOKEN.expires_in_days * _DAY,
    revoked_at=None,
)
_ADA: Final = entities.Principal(
    name="ada",
    kind=entities.PrincipalKind.PERSON,
    display_name="Ada",
    owners=[],
    groups=["risk"],
    grants=[entities.Grant(id="g2m7x4k9w3q6n5z2", principal="ada", group=None, role="approver", pattern="*")],
    disabled=False,
    created_at=_AT - 30 * _DAY,
)

_REVOKED: Final = _body(RevokeVersion)
_DEPLOYMENT: Final = entities.Deployment(
    id="d9w3k7x2m4q6n5z2",
    model_name=_MODEL,
    version=_NUMBER,
    digest=_DIGEST,
    target="eu-endpoint",
    role=entities.DeploymentRole.PRIMARY,
    traffic=1.0,
    stage="production",
    promotion_id=_PROMOTION,
    run=None,
    status=entities.DeploymentStatus.RUNNING,
    observed_digest=_DIGEST,
    observed_at=_AT + 2 * _HOUR,
    drifted=False,
    started_at=_AT + 2 * _HOUR,
    started_by="airflow",
    ended_at=None,
    revision=31,
)
_IMPACT: Final = entities.RevocationImpact(
    model_name=_MODEL,
    version=_NUMBER,
    digest=_DIGEST,
    versions=[_NUMBER],
    stages=[entities.AffectedStage(stage="production", version=_NUMBER, rollback_to=6)],
    aliases=["champion"],
    promotions=[],
    deployments=[_DEPLOYMENT],
    derived=[
        entities.DerivedVersion(
            model_name=f"{_MODEL}-small", version=2, digest=_DIGEST, parent=f"{_MODEL}/{_NUMBER}", steps=1
        )
    ],
    derived_complete=True,
    revision=31,
)

_ALL: Final = (
    entities.RegisteredModel(
        id=_VERSION.model_id,
        name=_MODEL,
        owner="ada",
        description=_CREATED.description,
        tags=_CREATED.tags,
        metadata_fields=_CREATED.metadata_fields,
        stages={"staging": None, "production": _NUMBER},
        aliases={"champion": _NUMBER},
        latest_version=_NUMBER,
        archived=False,
        created_at=_AT - 30 * _DAY,
        created_by="airflow",
        updated_at=_AT,
        deleted_at=None,
        revision=31,
        url=f"{_URL}/models/{_MODEL}",
    ),
    _VERSION,
    _MANIFEST,
    entities.Alias(
        model_name=_MODEL,
        name="champion",
        version=_NUMBER,
        digest=_DIGEST,
        moved_at=_AT,
        moved_by="airflow",
        revision=31,
    ),
    entities.Stage(
        model_name=_MODEL,
        name="production",
        position=1,
        version=_NUMBER,
        digest=_DIGEST,
        promotion_id=_PROMOTION,
        since=_AT + 2 * _HOUR,
        hold=entities.Hold(reason=_HELD.reason, by="ada", at=_AT + 3 * _HOUR, until=_HELD.until),
        failed=[5],
        policies=_PINS,
        revision=31,
    ),
    entities.StageRecord(
        model_name=_MODEL,
        stage="production",
        change=entities.StageChange.PROMOTED,
        version=_NUMBER,
        digest=_DIGEST,
        previous=6,
        promotion_id=_PROMOTION,
        by="airflow",
        at=_AT + 2 * _HOUR,
        reason=_REQUESTED.reason,
        revision=30,
    ),
    entities.Upload(
        id="k4x5w2m7q3n6z2aa",
        model_name=_MODEL,
        missing=[file.digest for file in _REGISTERED.files],
        created_at=_AT,
        expires_at=_AT + _DAY,
    ),
    entities.UploadFile(
        upload="k4x5w2m7q3n6z2aa",
        digest=_REGISTERED.files[0].digest,
        size=_REGISTERED.files[0].size,
        kept=2,
        received=False,
    ),
    entities.UploadParts(
        upload="k4x5w2m7q3n6z2aa",
        digest=_REGISTERED.files[0].digest,
        size=20_000_000,
        kept=16_777_216,
        received=False,
        part_size=8_388_608,
        missing=[
            entities.UploadPart(
                number=3,
                offset=16_777_216,
                size=3_222_784,
                url="https://minio.example.org/models/uploads/k4x5w2m7q3n6z2aa/…?partNumber=3&…",
            )
        ],
        expires_at=_AT + _DAY / 24,
    ),
    _CHECK,
    entities.Promotion(
        id=_PROMOTION,
        kind=PromotionKind.PROMOTION,
        model_name=_MODEL,
        version=_NUMBER,
        digest=_DIGEST,
        stage="production",
        phase=Phase.APPROVED,
        policies=_PINS,
        reason=_REQUESTED.reason,
        requested_by="airflow",
        requested_at=_AT,
        expires_at=_AT + _HOUR + timedelta(seconds=TEAM.approval_expires_after),
        replaces=6,
        undoes=None,
        lease=None,
        reviews=[_REVIEW],
        decision=_DECISION,
        closure=None,
        applied_at=None,
        applied_by=None,
        is_current=False,
        revision=29,
        url=f"{_URL}/promotions/{_PROMOTION}",
    ),
    entities.LineageGraph(
        root=f"version:{_MODEL}/{_NUMBER}",
        nodes=[
            entities.LineageNode(
                id=f"version:{_MODEL}/{_NUMBER}",
                kind=entities.NodeKind.VERSION,
                distance=0,
                ref=f"{_MODEL}/{_NUMBER}",
                model_name=_MODEL,
                version=_NUMBER,
                digest=_DIGEST,
                status=_VERSION.status,
                url=_VERSION.url,
            ),
            entities.LineageNode(
                id=f"dag_run:{_VERSION.lineage[0].ref}",
                kind=entities.NodeKind.DAG_RUN,
                distance=1,
                ref=_VERSION.lineage[0].ref,
            ),
        ],
        links=[entities.LineageLink(source=f"dag_run:{_VERSION.lineage[0].ref}", target=f"version:{_MODEL}/{_NUMBER}")],
        truncated=False,
    ),
    entities.MadeFrom(
        model_name=_MODEL,
        version=_NUMBER,
        digest=_DIGEST,
        edge=_VERSION.lineage[0],
        created_at=_AT,
        created_by="airflow",
        url=_VERSION.url,
    ),
    _DECISION,
    entities.ReviewOutcomes(
        outcomes=[
            entities.ReviewOutcome(
                promotion_id=_PROMOTION,
                reviewed=True,
                phase=Phase.APPROVED,
                decision=_DECISION,
                code=None,
                message=None,
            ),
            entities.ReviewOutcome(
                promotion_id="k4x5w2m7q3n6z2ac",
                reviewed=False,
                phase=None,
                decision=None,
                code=DigestMismatch.code,
                message=f"This promotion is about {_DIGEST}, and your review is of another digest. Look at it again.",
            ),
        ]
    ),
    compare(
        [
            Compared(version=_VERSION, checks=[_CHECK], files=_MANIFEST.files),
            Compared(version=_BEFORE, checks=[], files=_MANIFEST.files),
        ]
    ),
    _DEPLOYMENT,
    entities.VersionProvenance(
        version=_VERSION,
        files=[],
        people=["ada"],
        checks=[_CHECK],
        promotions=[
            entities.PromotionRecord(
                id=_PROMOTION,
                kind=PromotionKind.PROMOTION,
                stage="production",
                phase=Phase.APPLIED,
                policies=_PINS,
                reason=_REQUESTED.reason,
                requested_by="airflow",
                requested_at=_AT,
                reviews=[
                    entities.ReviewRecord(
                        reviewer=_REVIEW.reviewer,
                        verdict=_REVIEW.verdict,
                        comment=_REVIEW.comment,
                        digest=_DIGEST,
                        at=_REVIEW.at,
                        withdrawn_at=None,
                    )
                ],
                applied_by="airflow",
                applied_at=_AT + 2 * _HOUR,
                closure=entities.Closure(reason="applied", by="airflow", at=_AT + 2 * _HOUR),
                url=f"{_URL}/promotions/{_PROMOTION}",
            )
        ],
        spells=[
            entities.StageSpell(
                stage="production",
                since=_AT + 2 * _HOUR,
                until=None,
                change=entities.StageChange.PROMOTED,
                by="airflow",
                reason=_REQUESTED.reason,
                promotion_id=_PROMOTION,
            )
        ],
        deployments=[_DEPLOYMENT],
    ),
    _IMPACT,
    entities.RevokedVersion(
        **{
            **{name: getattr(_VERSION, name) for name in entities.ModelVersion.__struct_fields__},
            "status": entities.VersionStatus.REVOKED,
            "revoked": entities.Revocation(reason=_REVOKED.reason, by="ada", at=_AT + 3 * _HOUR),
        },
        impact=_IMPACT,
    ),
    _CARD,
    _CARD_NOW,
    entities.VersionCard(
        model_name=_MODEL,
        version=_NUMBER,
        digest=_DIGEST,
        registered_with=_CARD_THEN,
        approved_with=_CARD_THEN,
        promotion=_PROMOTION,
        current=_CARD_NOW,
        card=_CARD,
        changes=entities.CardChanges(
            fields=[
                entities.CardFieldChange(
                    name="license", change=entities.CardChange.REMOVED, before="apache-2.0", after=None
                )
            ],
            sections=[entities.CardSectionChange(heading="What it is for", change=entities.CardChange.CHANGED)],
            complete=True,
        ),
    ),
    _COMMENT,
    entities.Delegation(
        id="d5m7x2k9w3q6n5z2",
        principal="ada",
        to="grace",
        starts_at=_AT,
        until=_AT + 24 * 14 * _HOUR,
        reason="Holidays.",
        created_at=_AT,
        ended_at=None,
        ended_by=None,
    ),
    entities.Subscription(id="s8m7x2k9w3q6n5z2", principal="ada", pattern="fraud-*", created_at=_AT),
    entities.Activity(
        event=entities.Event(
            seq=97,
            at=_AT + _HOUR,
            kind=EventKind.COMMENT_ADDED,
            actor="ada",
            model_name=_MODEL,
            revision=28,
            subject=_COMMENT.id,
            data={"version": _NUMBER, "promotion": None, "mentions": {"people": ["grace"], "groups": []}},
        ),
        concerns=[Concern.OWNER, Concern.SUBSCRIBED],
    ),
    entities.Inbox(
        reviews=[
            entities.AwaitedReview(
                promotion_id=_PROMOTION,
                model_name=_MODEL,
                version=_NUMBER,
                digest=_DIGEST,
                stage="production",
                reason=_REQUESTED.reason,
                requested_by="airflow",
                since=_AT,
                expires_at=_AT + timedelta(seconds=TEAM.request_expires_after),
                outcome=Outcome.WAITING,
                missing=[
                    Reason(
                        code=ReasonCode.REVIEW_MISSING,
                        message=f"Policy 'team' asks for 1 more approval (approver) by people with the role approver on"
                        f" '{_MODEL}'.",
                        policy=TEAM.name,
                        rule=TEAM.rules[0].name,
                    )
                ],
                url=f"{_URL}/promotions/{_PROMOTION}",
            )
        ],
        mentions=[entities.UnreadMention(comment=_COMMENT, through=[], since=_AT + _HOUR)],
        policy_changes=[],
        more=False,
    ),
    entities.Policy(name=TEAM.name, version=1, document=TEAM, created_at=_AT - 30 * _DAY, created_by="ada"),
    entities.PolicyAttachment(
        id="p5x2k9m7w3q4n6z2",
        policy=TEAM.name,
        model_pattern="churn*",
        stage="production",
        default=False,
        attached_at=_AT,
        attached_by="ada",
    ),
    entities.PolicyChange(
        id="c6w2x9k4m7q3n5z2",
        kind="attach",
        policy=TEAM.name,
        proposed_by="ada",
        proposed_at=_AT,
        confirmed_by="ada",
        confirmed_at=_AT,
        attachment_id="p5x2k9m7w3q4n6z2",
    ),
    _ADA,
    entities.Group(name="risk", members=["ada", "grace"]),
    _ADA.grants[0],
    _TOKEN_INFO,
    entities.IssuedToken(token="mreg_personal_<id><secret><checksum>", info=_TOKEN_INFO),  # noqa: S106 -- its form, and no token
    entities.WhoAmI(principal=_ADA, token=_TOKEN_INFO, registry_version=RELEASE),
    entities.EventPage(
        events=[
            entities.Event(
                seq=118,
                at=_AT + 2 * _HOUR,
                kind=EventKind.STAGE_HELD,
                actor="ada",
                model_name=_MODEL,
                revision=31,
                subject="production",
                data={"stage": "production", "reason": _HELD.reason, "until": None},
            )
        ],
        cursor=str(Cursor(_LOG, 118)),
    ),
    entities.Consumer(name="webhook", owner="ada", cursor=str(Cursor(_LOG, 118)), updated_at=_AT + 3 * _HOUR),
    entities.Facets(
        counted=42,
        complete=True,
        facets=[
            entities.Facet(
                field="framework",
                values=[entities.FacetValue(value="sklearn", count=40)],
                lacking=2,
                more=False,
            )
        ],
    ),
    entities.LiveModel(
        model_name=_MODEL,
        stages=[
            entities.LiveStage(
                stage="production",
                version=_NUMBER,
                digest=_DIGEST,
                since=_AT + 2 * _HOUR,
                change=entities.StageChange.PROMOTED,
                promotion_id=_PROMOTION,
                by="airflow",
            )
        ],
        deployments=[
            entities.LiveDeployment(
                deployment_id=_DEPLOYMENT.id,
                target=_DEPLOYMENT.target,
                role=_DEPLOYMENT.role,
                traffic=_DEPLOYMENT.traffic,
                stage=_DEPLOYMENT.stage,
                version=_DEPLOYMENT.version,
                digest=_DEPLOYMENT.digest,
                status=_DEPLOYMENT.status,
                promotion_id=_DEPLOYMENT.promotion_id,
                started_at=_DEPLOYMENT.started_at,
                observed_digest=_DEPLOYMENT.observed_digest,
                observed_at=_DEPLOYMENT.observed_at,
                drifted=_DEPLOYMENT.drifted,
            )
        ],
        more=False,
    ),
    entities.Measurement(
        deployment_id=_DEPLOYMENT.id, ordinal=42, at=_AT + 3 * _HOUR, metrics=_body(ObserveDeployment).metrics
    ),
    entities.RoleComparison(
        model_name=_MODEL,
        target=_DEPLOYMENT.target,
        since=_AT,
        roles=[
            entities.RoleMetrics(
                deployment_id=_DEPLOYMENT.id,
                role=_DEPLOYMENT.role,
                version=_NUMBER,
                digest=_DIGEST,
                traffic=_DEPLOYMENT.traffic,
                status=_DEPLOYMENT.status,
                metrics={
                    "p95_ms": entities.MetricSummary(
                        count=42,
                        latest=41.5,
                        latest_at=_AT + 3 * _HOUR,
                        mean=40.1,
                        lowest=37.0,
                        highest=44.8,
                        difference=None,
                    )
                },
            )
        ],
    ),
    entities.Usage(
        model_name=_MODEL,
        version=_NUMBER,
        digest=_DIGEST,
        ordinal=42,
        batch=_USED.batch,
        run=_USED.run,
        rows=_USED.rows,
        reported_at=_AT + 3 * _HOUR,
        reported_by="airflow",
        revision=32,
    ),
    entities.VersionUse(
        model_name=_MODEL,
        version=_NUMBER,
        digest=_DIGEST,
        needed_for=[entities.Use(kind=entities.UseKind.STAGE, name="production")],
        usages=42,
        last_used_at=_AT + 3 * _HOUR,
    ),
    entities.FoundText(
        model_name=_MODEL,
        version=_NUMBER,
        description="Trained on the transactions of July.",
        url=f"https://registry.example/models/{_MODEL}/versions/{_NUMBER}",
    ),
    entities.RetentionRule(
        name=_RULE.name, version=2, document=_RULE, created_at=_AT - 30 * _DAY, created_by="ada", next_at=_AT + _DAY
    ),
    entities.RetentionPreview(
        id="p8m7x2k9w3q6n5z2",
        pattern="churn*",
        rule=None,
        phase=entities.PreviewPhase.READY,
        created_at=_AT,
        created_by="ada",
        expires_at=_AT + _DAY,
        models=3,
        versions=120,
        going=81,
        bytes_freed=7_300_000_000,
        deleted=0,
        skipped=0,
        finished_at=None,
    ),
    entities.PreviewedVersion(
        model_name=_MODEL,
        version=_NUMBER,
        digest=_DIGEST,
        size=4,
        created_at=_AT,
        fate=entities.Fate.STAYS,
        kept_by=[
            entities.Keep(kind=entities.KeepKind.STAGE, name="production"),
            entities.Keep(kind=entities.KeepKind.KEEP_LAST, name=_RULE.name),
        ],
        rules=[f"{_RULE.name}@2"],
    ),
    entities.ModelStock(
        model_name=_MODEL,
        owner="ada",
        versions=31,
        unused=22,
        size=9_400_000_000,
        own_size=7_100_000_000,
        last_used_at=_AT,
        idle_since=_AT,
        counted_at=_AT + _HOUR,
    ),
    entities.ForgottenVersion(
        model_name=_MODEL,
        version=2,
        digest=_DIGEST,
        size=300_000_000,
        created_at=_AT - 200 * _DAY,
        created_by="airflow",
        last_used_at=None,
        legal_hold=False,
    ),
    entities.ForgottenStage(
        model_name=_MODEL, stage="staging", version=3, since=_AT - 180 * _DAY, last_used_at=_AT - 100 * _DAY
    ),
    entities.ForgottenUpload(
        id="k4x5w2m7q3n6z2aa",
        model_name=_MODEL,
        principal="airflow",
        created_at=_AT - _HOUR,
        expires_at=_AT + 23 * _HOUR,
        files=2,
        size=300_000_000,
        received=120_000_000,
    ),
    entities.CollectionStep(
        cursor=None,
        looked_at=1,
        collected=[entities.CollectedArtifact(digest=digest_of(b"given up"), size=8, since=_AT)],
    ),
    entities.ScrubStep(
        cursor=digest_of(b"intact"),
        artifacts=2,
        bytes=10,
        damaged=[
            entities.DamagedArtifact(
                digest=digest_of(b"bits"), size=4, actual=digest_of(b"bots"), versions=[f"{_MODEL}/{_NUMBER}"]
            )
        ],
        unhealed=1,
    ),
    entities.Health(status="ok", version=RELEASE, components={"database": "ok", "storage": "ok"}),
)
ANSWERS: Final[Mapping[Any, Any]] = MappingProxyType({type(example): example for example in _ALL})

_REFUSAL: Final = StageHeld(
    f"Version {_NUMBER} may not enter 'production' now. ada holds 'production': {_HELD.reason} Ask for its release.",
    promotion=_PROMOTION,
    decision=msgspec.to_builtins(
        Decision(
            outcome=Outcome.BLOCKED,
            reasons=(
                Reason(
                    code=ReasonCode.STAGE_HELD,
                    message=f"ada holds 'production': {_HELD.reason} Ask for its release.",
                    people=("ada",),
                ),
            ),
            satisfied=(_APPROVED,),
        )
    ),
)
# By the statuses that the description tells apart; each the document that such a refusal is answered with.
PROBLEMS: Final = MappingProxyType(
    {
        statuses: msgspec.json.decode(refused(refusal, "0b6cf5d1a2e94873").body, type=Problem)
        for statuses, refusal in (
            ("401", NotAuthenticated("Say who you are with the header 'Authorization: Bearer <token>'.")),
            ("4XX", _REFUSAL),
            ("5XX", DatabaseUnavailable("The database doesn't answer. Nothing was changed; try again.")),
        )
    }
)


def answer_of(of: Any) -> Any:  # noqa: ANN401 - of a type, a value of it
    """The example of what a route answers with: of a list, a page with one item.

    :raises KeyError: there is none for this type.
    """

    if getattr(of, "__origin__", None) is entities.Page:
        return entities.Page(items=[ANSWERS[of.__args__[0]]])
    return ANSWERS[of]

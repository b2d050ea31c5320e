"""Bodies as examples in the API's description: values of the very types, so that they can't go out of date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from registry_service.domain import requests
from registry_service.domain.entities import CheckStatus, LineageKind, PrincipalKind, Verdict
from registry_service.domain.metadata import FieldType, Metadata, MetadataField
from registry_service.domain.policies import TEAM
from registry_service.domain.retention_rules import RetentionDocument

_DIGEST: Final = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_ALL: Final = (
    requests.CreateModel(
        name="fraud-detector",
        description="Scores card payments.",
        tags={"team": "risk"},
        metadata_fields=[MetadataField(key="metrics.auc", type=FieldType.NUMBER)],
    ),
    requests.UpdateModel(tags={"team": "payments"}),
    requests.RegisterVersion(
        files=[requests.NewManifestFile(path="model.onnx", digest=_DIGEST, size=4)],
        upload="k4x5w2m7q3n6z2aa",
        metadata=Metadata(metrics={"auc": 0.93}, framework="scikit-learn", format="onnx"),
        lineage=[requests.NewLineageEdge(kind=LineageKind.DAG_RUN, ref="churn_nightly/scheduled__2026-03-03")],
    ),
    requests.WriteCard(
        text="---\nlicense: apache-2.0\ntags: [fraud, tabular]\n---\n# What it is for\n\nScores card payments.\n"
    ),
    requests.RenameModel(name="fraud-detector-eu", reason="One for each market."),
    requests.AddLineage(
        edges=[requests.NewLineageEdge(kind=LineageKind.DATASET, ref="s3://payments/2026-03-02.parquet")]
    ),
    requests.UpdateVersion(description="Trained without the holidays."),
    requests.DeleteVersion(reason="Never used."),
    requests.PlaceLegalHold(reason="Evidence in a case."),
    requests.LiftLegalHold(reason="The case is closed."),
    requests.RevokeVersion(reason="Trained on leaked labels."),
    requests.StartUpload(model="fraud-detector", files=[requests.NewUploadFile(digest=_DIGEST, size=4)]),
    requests.MoveAlias(version="7"),
    requests.ReportCheck(
        name="evaluation",
        status=CheckStatus.PASSED,
        evidence={"auc": 0.93, "champion": 0.92},
        attachments=[requests.NewAttachment(name="roc.png", digest=_DIGEST, size=4, media_type="image/png")],
        upload="k4x5w2m7q3n6z2ab",
    ),
    requests.ReportUsage(batch="payments/2026-03-02", run="score_nightly/scheduled__2026-03-03", rows=40_000),
    requests.ArrangeStages(stages=["staging", "canary", "production"]),
    requests.HoldStage(reason="Freeze until the audit is over."),
    requests.VacateStage(from_version=7, reason="Revoked, and nothing good is left."),
    requests.RollBack(reason="Smoke test failed.", from_version=7),
    requests.ClearFailure(version=7, reason="The endpoint was at fault, not the model."),
    requests.RequestPromotion(model="fraud-detector", version="7", stage="production", reason="Better recall."),
    requests.GiveReview(verdict=Verdict.APPROVE, digest=_DIGEST, comment="Evidence read."),
    requests.ReviewPromotions(
        reviews=[
            requests.PromotionReview(promotion="k4x5w2m7q3n6z2ab", verdict=Verdict.APPROVE, digest=_DIGEST),
            requests.PromotionReview(
                promotion="k4x5w2m7q3n6z2ac", verdict=Verdict.REJECT, digest=_DIGEST, comment="Recall is worse."
            ),
        ]
    ),
    requests.TakeLease(holder="airflow:deploy/scheduled__2026-03-03"),
    requests.ReleaseLease(holder="airflow:deploy/scheduled__2026-03-03"),
    requests.ApplyPromotion(holder="airflow:deploy/scheduled__2026-03-03"),
    requests.FailPromotion(holder="airflow:deploy/scheduled__2026-03-03", reason="The endpoint refused it."),
    requests.CancelPromotion(reason="Retrained meanwhile."),
    requests.WriteComment(text="@grace, is the drop in *recall* on holidays known?"),
    requests.Subscribe(pattern="fraud-*"),
    requests.Delegate(to="grace", until=datetime(2027, 3, 17, 6, tzinfo=UTC), reason="Holidays."),
    requests.MarkRead(comments=["c4m7x2k9w3q6n5z2"]),
    requests.WritePolicy(document=TEAM),
    requests.AttachPolicy(policy="team", model_pattern="churn*", stage="production"),
    requests.TestPolicy(model="fraud-detector", version="latest", stage="production"),
    requests.WriteRetentionRule(
        document=RetentionDocument(
            name="nightly",
            pattern="churn*",
            keep_last=10,
            keep_younger_than=90 * 86_400,
            keep_where="metrics.auc > 0.9",
        )
    ),
    requests.StartPreview(pattern="churn*"),
    requests.StartDeployment(model="fraud-detector", target="eu-endpoint", promotion="k4x5w2m7q3n6z2aa"),
    requests.ObserveDeployment(digest=_DIGEST, metrics={"p95_ms": 41.5, "error_rate": 0.002}),
    requests.CreatePrincipal(name="ci", kind=PrincipalKind.SERVICE, owners=["ada"]),
    requests.UpdatePrincipal(disabled=True),
    requests.CreateGrant(role="approver", pattern="churn*", principal="ada"),
    requests.WriteGroup(members=["ada", "grace"]),
    requests.CreateToken(name="laptop", expires_in_days=30),
    requests.CreateLoginLink(path="/models/churn"),
    requests.MoveConsumer(cursor="latest"),
    requests.CollectGarbage(dry_run=True),
    requests.Scrub(rate=100_000_000),
)

EXAMPLES: Final[Mapping[Any, Any]] = MappingProxyType({type(example): example for example in _ALL})

"""What is asked for, decided, and where it runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from registry_service.domain import entities
from registry_service.domain.errors import DigestMismatch
from registry_service.domain.policies import TEAM
from registry_service.domain.promotions import Phase, PromotionKind
from registry_service.domain.requests import (
    ObserveDeployment,
)
from registry_service.web.example_answers.things import (
    AT,
    DAY,
    DECISION,
    DEPLOYMENT,
    DIGEST,
    HELD,
    HOUR,
    MODEL,
    NUMBER,
    PINS,
    PROMOTION,
    REQUESTED,
    REVIEW,
    REVIEW_MISSING,
    URL,
    body_of,
)

PROMOTIONS: Final[tuple[Any, ...]] = (
    entities.Stage(
        model_name=MODEL,
        name="production",
        position=1,
        version=NUMBER,
        digest=DIGEST,
        promotion_id=PROMOTION,
        since=AT + 2 * HOUR,
        hold=entities.Hold(reason=HELD.reason, by="ada", at=AT + 3 * HOUR, until=HELD.until),
        failed=[5],
        policies=PINS,
        revision=31,
    ),
    entities.StageRecord(
        model_name=MODEL,
        stage="production",
        change=entities.StageChange.PROMOTED,
        version=NUMBER,
        digest=DIGEST,
        previous=6,
        promotion_id=PROMOTION,
        by="airflow",
        at=AT + 2 * HOUR,
        reason=REQUESTED.reason,
        revision=30,
    ),
    entities.Promotion(
        id=PROMOTION,
        kind=PromotionKind.PROMOTION,
        model_name=MODEL,
        version=NUMBER,
        digest=DIGEST,
        stage="production",
        phase=Phase.APPROVED,
        policies=PINS,
        reason=REQUESTED.reason,
        requested_by="airflow",
        requested_at=AT,
        expires_at=AT + HOUR + timedelta(seconds=TEAM.approval_expires_after),
        replaces=6,
        undoes=None,
        lease=None,
        reviews=[REVIEW],
        decision=DECISION,
        closure=None,
        applied_at=None,
        applied_by=None,
        is_current=False,
        revision=29,
        url=f"{URL}/promotions/{PROMOTION}",
        people=["carla"],
    ),
    DECISION,
    entities.PossibleReviewers(
        promotion_id=PROMOTION,
        missing=[REVIEW_MISSING],
        people=[entities.PossibleReviewer(name="ben", display_name="Ben", standing_in_for=["ada"])],
        more=False,
    ),
    entities.ReviewOutcomes(
        outcomes=[
            entities.ReviewOutcome(
                promotion_id=PROMOTION,
                reviewed=True,
                phase=Phase.APPROVED,
                decision=DECISION,
                code=None,
                message=None,
            ),
            entities.ReviewOutcome(
                promotion_id="k4x5w2m7q3n6z2ac",
                reviewed=False,
                phase=None,
                decision=None,
                code=DigestMismatch.code,
                message=f"This promotion is about {DIGEST}, and your review is of another digest. Look at it again.",
            ),
        ]
    ),
    DEPLOYMENT,
    entities.Policy(name=TEAM.name, version=1, document=TEAM, created_at=AT - 30 * DAY, created_by="ada"),
    entities.PolicyAttachment(
        id="p5x2k9m7w3q4n6z2",
        policy=TEAM.name,
        model_pattern="churn*",
        stage="production",
        default=False,
        attached_at=AT,
        attached_by="ada",
    ),
    entities.PolicyChange(
        id="c6w2x9k4m7q3n5z2",
        kind="attach",
        policy=TEAM.name,
        proposed_by="ada",
        proposed_at=AT,
        confirmed_by="ada",
        confirmed_at=AT,
        model_pattern="churn*",
        stage="production",
        attachment_id="p5x2k9m7w3q4n6z2",
    ),
    entities.LiveModel(
        model_name=MODEL,
        stages=[
            entities.LiveStage(
                stage="production",
                version=NUMBER,
                digest=DIGEST,
                revoked=False,
                since=AT + 2 * HOUR,
                change=entities.StageChange.PROMOTED,
                promotion_id=PROMOTION,
                by="airflow",
            )
        ],
        deployments=[
            entities.LiveDeployment(
                deployment_id=DEPLOYMENT.id,
                target=DEPLOYMENT.target,
                role=DEPLOYMENT.role,
                traffic=DEPLOYMENT.traffic,
                stage=DEPLOYMENT.stage,
                version=DEPLOYMENT.version,
                digest=DEPLOYMENT.digest,
                status=DEPLOYMENT.status,
                promotion_id=DEPLOYMENT.promotion_id,
                started_at=DEPLOYMENT.started_at,
                observed_digest=DEPLOYMENT.observed_digest,
                observed_at=DEPLOYMENT.observed_at,
                drifted=DEPLOYMENT.drifted,
                revoked=DEPLOYMENT.revoked,
            )
        ],
        more=False,
    ),
    entities.Measurement(
        deployment_id=DEPLOYMENT.id, ordinal=42, at=AT + 3 * HOUR, metrics=body_of(ObserveDeployment).metrics
    ),
    entities.RoleComparison(
        model_name=MODEL,
        target=DEPLOYMENT.target,
        since=AT,
        roles=[
            entities.RoleMetrics(
                deployment_id=DEPLOYMENT.id,
                role=DEPLOYMENT.role,
                version=NUMBER,
                digest=DIGEST,
                traffic=DEPLOYMENT.traffic,
                status=DEPLOYMENT.status,
                metrics={
                    "p95_ms": entities.MetricSummary(
                        count=42,
                        latest=41.5,
                        latest_at=AT + 3 * HOUR,
                        mean=40.1,
                        lowest=37.0,
                        highest=44.8,
                        difference=None,
                    )
                },
            )
        ],
    ),
)

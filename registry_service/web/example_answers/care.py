"""What is kept, let go, collected and read again."""

from __future__ import annotations

from typing import Any, Final

from registry_service.domain import entities
from registry_service.domain.manifest import digest_of
from registry_service.web.example_answers.things import AT, DAY, DIGEST, HOUR, MODEL, NUMBER, RULE
from registry_service.web.release import RELEASE

CARE: Final[tuple[Any, ...]] = (
    entities.RetentionRule(
        name=RULE.name, version=2, document=RULE, created_at=AT - 30 * DAY, created_by="ada", next_at=AT + DAY
    ),
    entities.RetentionPreview(
        id="p8m7x2k9w3q6n5z2",
        pattern="churn*",
        rule=None,
        phase=entities.PreviewPhase.READY,
        created_at=AT,
        created_by="ada",
        expires_at=AT + DAY,
        models=3,
        versions=120,
        going=81,
        bytes_freed=7_300_000_000,
        deleted=0,
        skipped=0,
        finished_at=None,
    ),
    entities.PreviewedVersion(
        model_name=MODEL,
        version=NUMBER,
        digest=DIGEST,
        size=4,
        created_at=AT,
        fate=entities.Fate.STAYS,
        kept_by=[
            entities.Keep(kind=entities.KeepKind.STAGE, name="production"),
            entities.Keep(kind=entities.KeepKind.KEEP_LAST, name=RULE.name),
        ],
        rules=[f"{RULE.name}@2"],
    ),
    entities.ModelStock(
        model_name=MODEL,
        owners=["ada"],
        versions=31,
        unused=22,
        size=9_400_000_000,
        own_size=7_100_000_000,
        last_used_at=AT,
        idle_since=AT,
        counted_at=AT + HOUR,
    ),
    entities.ForgottenVersion(
        model_name=MODEL,
        version=2,
        digest=DIGEST,
        size=300_000_000,
        created_at=AT - 200 * DAY,
        created_by="airflow",
        last_used_at=None,
        legal_hold=False,
    ),
    entities.ForgottenStage(
        model_name=MODEL, stage="staging", version=3, since=AT - 180 * DAY, last_used_at=AT - 100 * DAY
    ),
    entities.ForgottenUpload(
        id="k4x5w2m7q3n6z2aa",
        model_name=MODEL,
        principal="airflow",
        created_at=AT - HOUR,
        expires_at=AT + 23 * HOUR,
        files=2,
        size=300_000_000,
        received=120_000_000,
    ),
    entities.CollectionStep(
        cursor=None,
        looked_at=1,
        collected=[entities.CollectedArtifact(digest=digest_of(b"given up"), size=8, since=AT)],
    ),
    entities.ScrubStep(
        cursor=digest_of(b"intact"),
        artifacts=2,
        bytes=10,
        damaged=[
            entities.DamagedArtifact(
                digest=digest_of(b"bits"), size=4, actual=digest_of(b"bots"), versions=[f"{MODEL}/{NUMBER}"]
            )
        ],
        unhealed=1,
    ),
    entities.Health(status="ok", version=RELEASE, components={"database": "ok", "storage": "ok"}),
)

"""What versions are, where they come from, and how they are found."""

from __future__ import annotations

from typing import Any, Final

from registry_service.domain import entities
from registry_service.domain.comparing import Compared, compare
from registry_service.domain.promotions import Phase, PromotionKind
from registry_service.web.example_answers.things import (
    AT,
    BEFORE,
    CARD,
    CARD_NOW,
    CARD_THEN,
    CHECK,
    CREATED,
    DAY,
    DEPLOYMENT,
    DIGEST,
    HOUR,
    IMPACT,
    MANIFEST,
    MODEL,
    NUMBER,
    PINS,
    PROMOTION,
    REGISTERED,
    REQUESTED,
    REVIEW,
    REVOKED,
    URL,
    USED,
    VERSION,
)

VERSIONS: Final[tuple[Any, ...]] = (
    entities.RegisteredModel(
        id=VERSION.model_id,
        name=MODEL,
        owners=["ada"],
        description=CREATED.description,
        tags=CREATED.tags,
        metadata_fields=CREATED.metadata_fields,
        stages={"staging": None, "production": NUMBER},
        aliases={"champion": NUMBER},
        latest_version=NUMBER,
        archived=False,
        created_at=AT - 30 * DAY,
        created_by="airflow",
        updated_at=AT,
        deleted_at=None,
        revision=31,
        url=f"{URL}/models/{MODEL}",
    ),
    VERSION,
    MANIFEST,
    entities.Alias(
        model_name=MODEL,
        name="champion",
        version=NUMBER,
        digest=DIGEST,
        moved_at=AT,
        moved_by="airflow",
        revision=31,
    ),
    entities.Upload(
        id="k4x5w2m7q3n6z2aa",
        model_name=MODEL,
        missing=[file.digest for file in REGISTERED.files],
        created_at=AT,
        expires_at=AT + DAY,
    ),
    entities.UploadFile(
        upload="k4x5w2m7q3n6z2aa",
        digest=REGISTERED.files[0].digest,
        size=REGISTERED.files[0].size,
        kept=2,
        received=False,
    ),
    entities.UploadParts(
        upload="k4x5w2m7q3n6z2aa",
        digest=REGISTERED.files[0].digest,
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
        expires_at=AT + DAY / 24,
    ),
    CHECK,
    entities.LineageGraph(
        root=f"version:{MODEL}/{NUMBER}",
        nodes=[
            entities.LineageNode(
                id=f"version:{MODEL}/{NUMBER}",
                kind=entities.NodeKind.VERSION,
                distance=0,
                ref=f"{MODEL}/{NUMBER}",
                model_name=MODEL,
                version=NUMBER,
                digest=DIGEST,
                status=VERSION.status,
                url=VERSION.url,
            ),
            entities.LineageNode(
                id=f"dag_run:{VERSION.lineage[0].ref}",
                kind=entities.NodeKind.DAG_RUN,
                distance=1,
                ref=VERSION.lineage[0].ref,
            ),
        ],
        links=[entities.LineageLink(source=f"dag_run:{VERSION.lineage[0].ref}", target=f"version:{MODEL}/{NUMBER}")],
        truncated=False,
    ),
    entities.MadeFrom(
        model_name=MODEL,
        version=NUMBER,
        digest=DIGEST,
        edge=VERSION.lineage[0],
        created_at=AT,
        created_by="airflow",
        url=VERSION.url,
    ),
    compare(
        [
            Compared(version=VERSION, checks=[CHECK], files=MANIFEST.files),
            Compared(version=BEFORE, checks=[], files=MANIFEST.files),
        ]
    ),
    entities.VersionProvenance(
        version=VERSION,
        files=[],
        people=["ada"],
        checks=[CHECK],
        promotions=[
            entities.PromotionRecord(
                id=PROMOTION,
                kind=PromotionKind.PROMOTION,
                stage="production",
                phase=Phase.APPLIED,
                policies=PINS,
                reason=REQUESTED.reason,
                requested_by="airflow",
                requested_at=AT,
                reviews=[
                    entities.ReviewRecord(
                        reviewer=REVIEW.reviewer,
                        verdict=REVIEW.verdict,
                        comment=REVIEW.comment,
                        digest=DIGEST,
                        at=REVIEW.at,
                        withdrawn_at=None,
                    )
                ],
                applied_by="airflow",
                applied_at=AT + 2 * HOUR,
                closure=entities.Closure(reason="applied", by="airflow", at=AT + 2 * HOUR),
                url=f"{URL}/promotions/{PROMOTION}",
            )
        ],
        spells=[
            entities.StageSpell(
                stage="production",
                since=AT + 2 * HOUR,
                until=None,
                change=entities.StageChange.PROMOTED,
                by="airflow",
                reason=REQUESTED.reason,
                promotion_id=PROMOTION,
                ended=None,
            )
        ],
        deployments=[DEPLOYMENT],
    ),
    IMPACT,
    entities.RevokedVersion(
        **{
            **{name: getattr(VERSION, name) for name in entities.ModelVersion.__struct_fields__},
            "status": entities.VersionStatus.REVOKED,
            "revoked": entities.Revocation(reason=REVOKED.reason, by="ada", at=AT + 3 * HOUR),
        },
        impact=IMPACT,
    ),
    CARD,
    CARD_NOW,
    entities.VersionCard(
        model_name=MODEL,
        version=NUMBER,
        digest=DIGEST,
        registered_with=CARD_THEN,
        approved_with=CARD_THEN,
        promotion=PROMOTION,
        current=CARD_NOW,
        card=CARD,
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
    entities.Usage(
        model_name=MODEL,
        version=NUMBER,
        digest=DIGEST,
        ordinal=42,
        batch=USED.batch,
        run=USED.run,
        rows=USED.rows,
        reported_at=AT + 3 * HOUR,
        reported_by="airflow",
        revision=32,
    ),
    entities.VersionUse(
        model_name=MODEL,
        version=NUMBER,
        digest=DIGEST,
        needed_for=[entities.Use(kind=entities.UseKind.STAGE, name="production")],
        usages=42,
        last_used_at=AT + 3 * HOUR,
    ),
    entities.FoundText(
        model_name=MODEL,
        version=NUMBER,
        description="Trained on the transactions of July.",
        url=f"https://registry.example/models/{MODEL}/versions/{NUMBER}",
    ),
)

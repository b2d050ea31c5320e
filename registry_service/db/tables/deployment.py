"""Where versions run."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, String, Table, text

from registry_service.db.tables.schema import metadata, version_reference
from registry_service.db.types import JsonText, UtcTimestamp

deployments = Table(
    "deployments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("model_id", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("target", String(256), nullable=False),
    Column("role", String(16), nullable=False),
    Column("traffic", Double, nullable=False),
    Column("stage", String(64)),
    Column("promotion_id", String(32)),
    Column("run", String(1024)),
    Column("status", String(16), nullable=False),
    Column("observed_digest", String(71)),
    Column("observed_at", UtcTimestamp),
    Column("started_at", UtcTimestamp, nullable=False),
    Column("started_by", String(256), nullable=False),
    Column("ended_at", UtcTimestamp),
    # Since when the stage of what has ended protects the target no longer.
    Column("released_at", UtcTimestamp),
    Column("revision", BigInteger, nullable=False),
    # How many observations came with figures, also those that are kept no more: it numbers the next one.
    Column("measured", BigInteger, nullable=False, server_default=text("0")),
    version_reference("deployments"),
    Index("ix_deployments_started_at_id", "started_at", "id"),
    Index("ix_deployments_promotion_id", "promotion_id"),
    Index("ix_deployments_model_id_target_role", "model_id", "target", "role"),
    Index("ix_deployments_model_id_ended_at_started_at", "model_id", "ended_at", "started_at"),
    Index("ix_deployments_model_id_number", "model_id", "number"),
    Index("ix_deployments_observed_digest", "observed_digest"),
    Index("ix_deployments_target_started_at", "target", "started_at"),
)

# Figures that came with one observation.
deployment_metrics = Table(
    "deployment_metrics",
    metadata,
    Column("deployment_id", ForeignKey("deployments.id"), primary_key=True),
    Column("ordinal", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTimestamp, nullable=False),
    Column("metrics", JsonText, nullable=False),
)

"""Stages: where they point now, where they did, and what failed in them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text

from registry_service.db.tables.schema import RowId, metadata, version_reference
from registry_service.db.types import UtcTimestamp

stages = Table(
    "stages",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("number", Integer),
    Column("promotion_id", String(32)),
    Column("since", UtcTimestamp),
    Column("hold_reason", Text),
    Column("hold_by", String(256)),
    Column("hold_at", UtcTimestamp),
    Column("hold_until", UtcTimestamp),
    Column("revision", BigInteger, nullable=False),
    version_reference("stages"),
    Index("ix_stages_name_model_id", "name", "model_id"),
)

stage_history = Table(
    "stage_history",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("model_id", String(32), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("change", String(16), nullable=False),
    Column("number", Integer),
    Column("digest", String(71)),
    Column("previous", Integer),
    Column("promotion_id", String(32)),
    Column("actor", String(256), nullable=False),
    Column("at", UtcTimestamp, nullable=False),
    Column("reason", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    ForeignKeyConstraint(["model_id", "stage"], ["stages.model_id", "stages.name"]),
    Index("ix_stage_history_model_id_stage_id_at", "model_id", "stage", "id", "at"),
    Index("ix_stage_history_model_id_stage_number", "model_id", "stage", "number"),
)

stage_failures = Table(
    "stage_failures",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("model_id", String(32), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("promotion_id", String(32)),
    Column("reason", Text, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("at", UtcTimestamp, nullable=False),
    Column("cleared_at", UtcTimestamp),
    Column("cleared_by", String(256)),
    Column("cleared_reason", Text),
    ForeignKeyConstraint(["model_id", "stage"], ["stages.model_id", "stages.name"]),
    Index("ix_stage_failures_model_id_stage_number", "model_id", "stage", "number"),
)

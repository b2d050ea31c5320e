"""What stages demand."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table

from registry_service.db.tables.schema import metadata
from registry_service.db.types import JsonText, UtcTimestamp

policies = Table(
    "policies",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", JsonText, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("created_by", String(256), nullable=False),
)

policy_attachments = Table(
    "policy_attachments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("policy", String(64), nullable=False, index=True),
    Column("model_pattern", String(256), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("attached_at", UtcTimestamp, nullable=False),
    Column("attached_by", String(256), nullable=False),
    Column("detached_at", UtcTimestamp),
    Column("detached_by", String(256)),
)

policy_changes = Table(
    "policy_changes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("policy", String(64), nullable=False),
    Column("payload", JsonText, nullable=False),
    Column("proposed_by", String(256), nullable=False),
    Column("proposed_at", UtcTimestamp, nullable=False),
    Column("confirmed_by", String(256)),
    Column("confirmed_at", UtcTimestamp),
    Column("withdrawn_by", String(256)),
    Column("withdrawn_at", UtcTimestamp),
    Column("result", JsonText, nullable=False),
    Index("ix_policy_changes_proposed_at_id", "proposed_at", "id"),
)

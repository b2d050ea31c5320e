"""Retention rules, and what they would let go."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint, text

from registry_service.db.tables.schema import metadata, version_reference
from registry_service.db.types import JsonText, UtcTimestamp

# `next_at`: when the service applies the rule by itself.
retention_rules = Table(
    "retention_rules",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", JsonText, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("ended_at", UtcTimestamp),
    Column("ended_by", String(256)),
    Column("next_at", UtcTimestamp),
)

UNDER_WAY: Final = "rule IS NOT NULL AND finished_at IS NULL"

# `after`: the id of the last model that was judged. `step`: of whoever judges now, so that two don't write in between
# each other.
retention_previews = Table(
    "retention_previews",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("pattern", String(256), nullable=False),
    Column("rule", String(64)),
    Column("phase", String(16), nullable=False),
    Column("after", String(32), nullable=False),
    Column("step", String(32), nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("expires_at", UtcTimestamp, nullable=False),
    Column("models", Integer, nullable=False),
    Column("versions", Integer, nullable=False),
    Column("going", Integer, nullable=False),
    Column("bytes_freed", BigInteger),
    Column("deleted", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("finished_at", UtcTimestamp),
    Index("ix_retention_previews_created_at_id", "created_at", "id"),
    Index(
        "ix_retention_previews_under_way",
        "expires_at",
        sqlite_where=text(UNDER_WAY),
        postgresql_where=text(UNDER_WAY),
    ),
)

# In the order in which they are deleted, model by model.
previewed_versions = Table(
    "previewed_versions",
    metadata,
    Column("preview_id", ForeignKey("retention_previews.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("model_id", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("fate", String(16), nullable=False),
    Column("kept_by", JsonText, nullable=False),
    Column("rules", JsonText, nullable=False),
    version_reference("previewed_versions"),
    UniqueConstraint("preview_id", "model_id", "number"),
    Index("ix_previewed_versions_preview_id_fate_position", "preview_id", "fate", "position"),
)

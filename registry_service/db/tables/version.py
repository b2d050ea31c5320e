"""Versions: what they hold, what describes them, and what names them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from registry_service.db.tables.schema import RowId, metadata, version_reference
from registry_service.db.types import JsonText, UtcTimestamp

TAG_START: Final = 64
"""Characters of a version's tag by which it is found."""

versions = Table(
    "versions",
    metadata,
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("identity", String(1024)),
    Column("metadata", JsonText, nullable=False),
    Column("framework", String(256)),
    Column("format", String(256)),
    Column("precision", String(256)),
    Column("architecture", String(256)),
    Column("task", String(256)),
    Column("target_device", String(256)),
    Column("target_device_type", String(256)),
    Column("category", String(256)),
    Column("origin", String(256)),
    Column("project_id", String(256)),
    Column("project_name", String(256)),
    Column("score", Double),
    Column("description", Text, nullable=False),
    Column("source_uri", Text),
    Column("people", JsonText, nullable=False),
    Column("file_count", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("revoked_at", UtcTimestamp),
    Column("revoked_by", String(256)),
    Column("revoked_reason", Text),
    Column("deleted_at", UtcTimestamp),
    Column("deleted_by", String(256)),
    Column("deleted_reason", Text),
    # From here on its bytes are nobody's, and it can't come back.
    Column("let_go_at", UtcTimestamp),
    Column("legal_hold_at", UtcTimestamp),
    Column("legal_hold_by", String(256)),
    Column("legal_hold_reason", Text),
    # Which text the model's card had at registration.
    Column("card_revision", BigInteger),
    PrimaryKeyConstraint("model_id", "number"),
    UniqueConstraint("model_id", "identity"),
    Index("ix_versions_digest_model_id_number", "digest", "model_id", "number"),
    Index(
        "ix_versions_deleted",
        "deleted_at",
        sqlite_where=text("deleted_at IS NOT NULL AND let_go_at IS NULL"),
        postgresql_where=text("deleted_at IS NOT NULL AND let_go_at IS NULL"),
    ),
    Index("ix_versions_size_model_id_number", "size", "model_id", "number"),
    Index("ix_versions_created_at_model_id_number", "created_at", "model_id", "number"),
    Index("ix_versions_model_id_created_at_number", "model_id", "created_at", "number"),
)

version_files = Table(
    "version_files",
    metadata,
    Column("model_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("path", String(1024), primary_key=True),
    Column("digest", String(71), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(256), nullable=False),
    # Whether the version still needs the bytes; the manifest itself stays for good.
    Column("kept", Boolean, nullable=False, server_default=text("true")),
    version_reference("version_files"),
)

# `value_start` is what the index can hold of a value of any length; the whole value is compared besides.
version_tags = Table(
    "version_tags",
    metadata,
    Column("model_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
    Column("value_start", String(TAG_START), Computed(f"substr(value, 1, {TAG_START})", persisted=True)),
    version_reference("version_tags"),
    Index("ix_version_tags_key_value_start_model_id_number", "key", "value_start", "model_id", "number"),
)

version_metrics = Table(
    "version_metrics",
    metadata,
    Column("model_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Double, nullable=False),
    version_reference("version_metrics"),
    Index("ix_version_metrics_model_id_key_value_number", "model_id", "key", "value", "number"),
    Index("ix_version_metrics_key_value_model_id_number", "key", "value", "model_id", "number"),
)

# A param is text, and a number as well where it is one, so that both kinds of comparison find it.
version_params = Table(
    "version_params",
    metadata,
    Column("model_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
    Column("numeric_value", Double),
    version_reference("version_params"),
)

version_lineage = Table(
    "version_lineage",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("model_id", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("ref", String(1024), nullable=False),
    Column("digest", String(71)),
    Column("url", Text),
    Column("details", JsonText, nullable=False),
    # Of a parent version: which one it is. None in what was registered before parents were looked up and named none.
    Column("parent_model_id", String(32)),
    Column("parent_number", Integer),
    Column("added_at", UtcTimestamp),
    Column("added_by", String(256)),
    version_reference("version_lineage"),
    Index("ix_version_lineage_model_id_number", "model_id", "number"),
    Index("ix_version_lineage_kind_ref_model_id_number", "kind", "ref", "model_id", "number"),
    Index("ix_version_lineage_kind_digest", "kind", "digest"),
    Index("ix_version_lineage_parent_model_id_parent_number", "parent_model_id", "parent_number"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("model_id", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("moved_at", UtcTimestamp, nullable=False),
    Column("moved_by", String(256), nullable=False),
    Column("revision", BigInteger, nullable=False),
    version_reference("aliases"),
    Index("ix_aliases_name_model_id", "name", "model_id"),
)

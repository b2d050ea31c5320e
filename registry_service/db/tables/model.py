"""Registered models."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from registry_service.db.tables.schema import RowId, metadata
from registry_service.db.types import JsonText, UtcTimestamp

# `name_taken` is the name as long as it may not be given to another model, tombstones included; `name_fold` finds
# names that differ by case only.
models = Table(
    "models",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("name_taken", String(256), unique=True),
    Column("name_fold", String(256), nullable=False, index=True),
    Column("description", Text, nullable=False),
    Column("metadata_fields", JsonText, nullable=False),
    Column("last_number", Integer, nullable=False, server_default=text("0")),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
    Column("deleted_at", UtcTimestamp),
    Column("revision", BigInteger, nullable=False),
    # Which text its card has now, by the revision that it was written with.
    Column("card_revision", BigInteger),
    Index("ix_models_created_at_id", "created_at", "id"),
)

# Who answers for a model, in the order that they were named in.
model_owners = Table(
    "model_owners",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("owner", ForeignKey("principals.name"), primary_key=True, index=True),
    Column("position", Integer, nullable=False),
)

# Names that models gave up. Until an admin releases one it stays the model's: it leads whoever may read both to the
# present name, and nobody else gets it.
model_former_names = Table(
    "model_former_names",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("model_id", ForeignKey("models.id"), nullable=False, index=True),
    Column("name", String(256), nullable=False),
    Column("name_fold", String(256), nullable=False, index=True),
    Column("given_up_at", UtcTimestamp, nullable=False),
    Column("given_up_by", String(256), nullable=False),
    Column("released_at", UtcTimestamp),
    Index(
        "uq_model_former_names_reserved",
        "name",
        unique=True,
        sqlite_where=text("released_at IS NULL"),
        postgresql_where=text("released_at IS NULL"),
    ),
)

# Tags of models and params have no index on their values: PostgreSQL's index rows end at 2.7 kB, and a value may be
# longer.
model_tags = Table(
    "model_tags",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

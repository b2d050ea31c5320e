"""What versions were used for, and when last."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from registry_service.db.tables.schema import metadata, version_reference
from registry_service.db.types import UtcTimestamp

# A row from the first use on. Apart from `versions`, so that what targets report often changes narrow rows only.
version_uses = Table(
    "version_uses",
    metadata,
    Column("model_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("last_used_at", UtcTimestamp, nullable=False),
    # How often a usage was reported, also of those that are kept no more: it numbers the next one.
    Column("usages", BigInteger, nullable=False),
    version_reference("version_uses"),
    Index("ix_version_uses_model_id_last_used_at", "model_id", "last_used_at"),
)

# `fingerprint` stands for run and batch together, which are longer than what an index holds.
usages = Table(
    "usages",
    metadata,
    Column("model_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("ordinal", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(71), nullable=False),
    Column("batch", String(1024), nullable=False),
    Column("run", String(1024), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("rows", BigInteger),
    Column("reported_at", UtcTimestamp, nullable=False),
    Column("reported_by", String(256), nullable=False),
    Column("revision", BigInteger, nullable=False),
    version_reference("usages"),
    Index("uq_usages_fingerprint", "model_id", "number", "fingerprint", unique=True),
)

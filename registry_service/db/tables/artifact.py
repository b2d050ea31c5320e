"""Bytes that are kept, and those on their way here."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, text

from registry_service.db.tables.schema import metadata
from registry_service.db.types import UtcTimestamp

# `created_at`: when these very bytes came, or were first seen. `condemned_at`: they are being taken out of the store,
# and no upload may rely on them. `damaged_at`: they were found altered and set aside; sent again, they are healed.
blobs = Table(
    "blobs",
    metadata,
    Column("digest", String(71), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("condemned_at", UtcTimestamp),
    Column("damaged_at", UtcTimestamp),
    Index(
        "ix_blobs_condemned_at",
        "condemned_at",
        sqlite_where=text("condemned_at IS NOT NULL"),
        postgresql_where=text("condemned_at IS NOT NULL"),
    ),
    Index(
        "ix_blobs_damaged_at",
        "damaged_at",
        sqlite_where=text("damaged_at IS NOT NULL"),
        postgresql_where=text("damaged_at IS NOT NULL"),
    ),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("principal", ForeignKey("principals.name"), nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("expires_at", UtcTimestamp, nullable=False, index=True),
    Column("closed_at", UtcTimestamp),
)

# A row pins the bytes of its digest against collection until the upload is closed or expires.
upload_files = Table(
    "upload_files",
    metadata,
    Column("upload_id", ForeignKey("uploads.id"), primary_key=True),
    Column("digest", String(71), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("received_at", UtcTimestamp),
    Index("ix_upload_files_digest", "digest"),
)

"""Model cards."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from registry_service.db.tables.schema import metadata
from registry_service.db.types import JsonText, UtcTimestamp

# One row for each text that was written, by the model's revision that it made; they are only ever added. The present
# one is that of `models.card_revision`.
model_cards = Table(
    "model_cards",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("digest", String(71), nullable=False),
    Column("size", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("front_matter", JsonText, nullable=False),
    Column("written_at", UtcTimestamp, nullable=False),
    Column("written_by", String(256), nullable=False),
    Index("ix_model_cards_model_id_digest_revision", "model_id", "digest", "revision"),
)

"""What models take up, as it was counted last."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table

from registry_service.db.tables.schema import metadata
from registry_service.db.types import UtcTimestamp

model_stock = Table(
    "model_stock",
    metadata,
    Column("model_id", String(32), ForeignKey("models.id"), primary_key=True),
    Column("versions", Integer, nullable=False),
    Column("unused", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("own_size", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("counted_at", UtcTimestamp, nullable=False),
)

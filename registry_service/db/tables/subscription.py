"""What people follow."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint

from registry_service.db.tables.schema import metadata
from registry_service.db.types import UtcTimestamp

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("principal", ForeignKey("principals.name"), nullable=False),
    Column("pattern", String(256), nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    UniqueConstraint("principal", "pattern"),
)

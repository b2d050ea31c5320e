"""Who asks: people, services, groups, what they may do, and their tokens."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, Text, text

from registry_service.db.tables.schema import metadata
from registry_service.db.types import JsonText, UtcTimestamp

principals = Table(
    "principals",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", UtcTimestamp, nullable=False),
)

principal_owners = Table(
    "principal_owners",
    metadata,
    Column("service", ForeignKey("principals.name"), primary_key=True),
    Column("owner", ForeignKey("principals.name"), primary_key=True),
)

groups = Table("groups", metadata, Column("name", String(256), primary_key=True))

group_members = Table(
    "group_members",
    metadata,
    Column("group_name", ForeignKey("groups.name"), primary_key=True),
    Column("principal", ForeignKey("principals.name"), primary_key=True, index=True),
)

grants = Table(
    "grants",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("principal", ForeignKey("principals.name"), index=True),
    Column("group_name", ForeignKey("groups.name"), index=True),
    Column("role", String(16), nullable=False),
    Column("pattern", String(256), nullable=False),
)

# Asked for those in force when somebody reviewed, so by whom they stand in through.
delegations = Table(
    "delegations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("principal", ForeignKey("principals.name"), nullable=False, index=True),
    Column("delegate", ForeignKey("principals.name"), nullable=False, index=True),
    Column("starts_at", UtcTimestamp, nullable=False),
    Column("until", UtcTimestamp, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("ended_at", UtcTimestamp),
    Column("ended_by", String(256)),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("principal", ForeignKey("principals.name"), nullable=False, index=True),
    # Of a session or a login link: the token that it was made with, and ends with.
    Column("parent", ForeignKey("tokens.id"), index=True),
    Column("secret_hash", String(64), nullable=False),
    Column("role", String(16)),
    Column("patterns", JsonText, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("expires_at", UtcTimestamp, nullable=False),
    Column("revoked_at", UtcTimestamp),
)

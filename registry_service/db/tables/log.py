"""The one log, its readers, and what repeated writes are answered with."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text, text

from registry_service.db.tables.schema import metadata
from registry_service.db.types import JsonText, UtcTimestamp

OBSERVATIONS: Final = "kind IN ('deployment.observed', 'deployment.drifted')"
"""Events that tell what a target said, or that leave to run there ended: a statement that says it in these words finds
them by their index."""

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTimestamp, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("actor", String(256), nullable=False),
    Column("model_id", String(32)),
    Column("model_name", String(256)),
    Column("revision", BigInteger),
    Column("subject", String(256)),
    Column("data", JsonText, nullable=False),
    Index("ix_events_model_id_seq", "model_id", "seq"),
    Index("ix_events_actor_seq", "actor", "seq"),
    Index(
        "ix_events_observations",
        "subject",
        "at",
        "seq",
        sqlite_where=text(OBSERVATIONS),
        postgresql_where=text(OBSERVATIONS),
    ),
)

consumers = Table(
    "consumers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", ForeignKey("principals.name"), nullable=False),
    Column("cursor", String(64), nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
)

idempotency_answers = Table(
    "idempotency_answers",
    metadata,
    Column("principal", String(256), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("existed", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    Column("authorized", JsonText, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False, index=True),
)

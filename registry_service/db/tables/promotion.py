"""Requests to make a version current in a stage, what people said of them, and what machines measured."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from registry_service.db.tables.schema import RowId, metadata, version_reference
from registry_service.db.types import JsonText, UtcTimestamp

promotions = Table(
    "promotions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("policies", JsonText, nullable=False),
    Column("reason", Text, nullable=False),
    Column("people", JsonText, nullable=False),
    Column("requested_by", String(256), nullable=False),
    Column("requested_at", UtcTimestamp, nullable=False),
    Column("expires_at", UtcTimestamp, nullable=False),
    # The end of the time that counts in the present phase: the request's, or once approved the approval's.
    Column("deadline_at", UtcTimestamp, nullable=False),
    # Time alone may satisfy the policies: a prerequisite asks for having been current somewhere for so long.
    Column("timed", Boolean, nullable=False),
    Column("approved_at", UtcTimestamp),
    Column("replaces", Integer),
    Column("undoes", String(32)),
    Column("lease_holder", String(1024)),
    Column("lease_acquired_at", UtcTimestamp),
    Column("lease_expires_at", UtcTimestamp),
    Column("applied_at", UtcTimestamp),
    Column("applied_by", String(256)),
    Column("closed_reason", Text),
    Column("closed_by", String(256)),
    Column("closed_at", UtcTimestamp),
    # When the policies next want it reminded of, and when that was last looked into.
    Column("notice_at", UtcTimestamp),
    Column("noticed_at", UtcTimestamp),
    Column("revision", BigInteger, nullable=False),
    # Which text the model's card had when this was approved.
    Column("card_revision", BigInteger),
    version_reference("promotions"),
    ForeignKeyConstraint(["model_id", "stage"], ["stages.model_id", "stages.name"]),
    Index("ix_promotions_requested_at_id", "requested_at", "id"),
    Index("ix_promotions_phase_requested_at_id", "phase", "requested_at", "id"),
    Index("ix_promotions_model_id_phase_stage", "model_id", "phase", "stage"),
    Index("ix_promotions_model_id_number", "model_id", "number"),
    Index("ix_promotions_phase_deadline_at", "phase", "deadline_at"),
    Index("ix_promotions_phase_notice_at", "phase", "notice_at"),
    Index(
        "uq_promotions_open_digest",
        "model_id",
        "stage",
        "digest",
        unique=True,
        sqlite_where=text("phase IN ('PENDING', 'APPROVED', 'APPLYING')"),
        postgresql_where=text("phase IN ('PENDING', 'APPROVED', 'APPLYING')"),
    ),
    Index(
        "uq_promotions_lease",
        "model_id",
        "stage",
        unique=True,
        sqlite_where=text("phase = 'APPLYING'"),
        postgresql_where=text("phase = 'APPLYING'"),
    ),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("promotion_id", ForeignKey("promotions.id"), nullable=False, index=True),
    Column("reviewer", ForeignKey("principals.name"), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("comment", Text, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("current_digest", String(71)),
    Column("at", UtcTimestamp, nullable=False),
    Column("withdrawn_at", UtcTimestamp),
)

checks = Table(
    "checks",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("model_id", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("name", String(256), nullable=False),
    Column("status", String(16), nullable=False),
    Column("summary", Text, nullable=False),
    Column("evidence", JsonText, nullable=False),
    Column("url", Text),
    Column("reported_by", String(256), nullable=False),
    Column("reported_at", UtcTimestamp, nullable=False),
    Column("revision", BigInteger, nullable=False),
    version_reference("checks"),
    Index("ix_checks_model_id_number_id", "model_id", "number", "id"),
    Index("ix_checks_model_id_number_name_id", "model_id", "number", "name", "id"),
    Index("ix_checks_name_status_model_id_number", "name", "status", "model_id", "number"),
)

check_attachments = Table(
    "check_attachments",
    metadata,
    Column("check_id", ForeignKey("checks.id"), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("digest", String(71), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(256), nullable=False),
    # Whether the check still needs the bytes: as long as its version keeps its own.
    Column("kept", Boolean, nullable=False, server_default=text("true")),
)

"""All tables. Rows hold integers, floats and text only, so that SQLite and PostgreSQL give a raw driver the same:
times are microseconds (`UtcTimestamp`), documents are JSON text (`JsonText`).

The invariants that matter most stand here as constraints, below every use case: one version per number and identity,
one open promotion per digest and stage, one lease per stage, one effect per idempotency key.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from registry_service.db.types import JsonText, UtcTimestamp

# Named constraints: a migration on either database must be able to say which one it means.
metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the key is spelt INTEGER.
_RowId = BigInteger().with_variant(Integer, "sqlite")


TAG_START: Final = 64
"""Characters of a version's tag by which it is found."""


def _version_reference(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["model_id", "number"], ["versions.model_id", "versions.number"], name=f"fk_{table}_version"
    )


# ------------------------------------------------------------------------------------------- the registry itself

registry = Table(
    "registry",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# ------------------------------------------------------------------------------------------------ who one is

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

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("principal", ForeignKey("principals.name"), nullable=False, index=True),
    Column("secret_hash", String(64), nullable=False),
    Column("role", String(16)),
    Column("patterns", JsonText, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("expires_at", UtcTimestamp, nullable=False),
    Column("revoked_at", UtcTimestamp),
)

# ------------------------------------------------------------------------------------------- models and versions

# `name_taken` is the name as long as it may not be given to another model, tombstones included; `name_fold` finds
# names that differ by case only.
models = Table(
    "models",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("name_taken", String(256), unique=True),
    Column("name_fold", String(256), nullable=False, index=True),
    Column("owner", ForeignKey("principals.name"), nullable=False),
    Column("description", Text, nullable=False),
    Column("metadata_fields", JsonText, nullable=False),
    Column("last_number", Integer, nullable=False, server_default=text("0")),
    Column("archived", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
    Column("deleted_at", UtcTimestamp),
    Column("revision", BigInteger, nullable=False),
    Index("ix_models_created_at_id", "created_at", "id"),
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
    PrimaryKeyConstraint("model_id", "number"),
    UniqueConstraint("model_id", "identity"),
    Index("ix_versions_digest_model_id_number", "digest", "model_id", "number"),
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
    _version_reference("version_files"),
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
    _version_reference("version_tags"),
    Index("ix_version_tags_model_id_key_value_start_number", "model_id", "key", "value_start", "number"),
)

version_metrics = Table(
    "version_metrics",
    metadata,
    Column("model_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Double, nullable=False),
    _version_reference("version_metrics"),
    Index("ix_version_metrics_model_id_key_value", "model_id", "key", "value"),
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
    _version_reference("version_params"),
)

version_lineage = Table(
    "version_lineage",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("model_id", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("ref", String(1024), nullable=False),
    Column("digest", String(71)),
    Column("url", Text),
    Column("details", JsonText, nullable=False),
    _version_reference("version_lineage"),
    Index("ix_version_lineage_model_id_number", "model_id", "number"),
    Index("ix_version_lineage_kind_ref", "kind", "ref"),
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
    _version_reference("aliases"),
)

# --------------------------------------------------------------------------------------------------- artifacts

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

# ------------------------------------------------------------------------------------------- stages and policies

stages = Table(
    "stages",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("number", Integer),
    Column("promotion_id", String(32)),
    Column("since", UtcTimestamp),
    Column("hold_reason", Text),
    Column("hold_by", String(256)),
    Column("hold_at", UtcTimestamp),
    Column("hold_until", UtcTimestamp),
    Column("revision", BigInteger, nullable=False),
    _version_reference("stages"),
)

stage_history = Table(
    "stage_history",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("model_id", String(32), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("change", String(16), nullable=False),
    Column("number", Integer),
    Column("digest", String(71)),
    Column("previous", Integer),
    Column("promotion_id", String(32)),
    Column("actor", String(256), nullable=False),
    Column("at", UtcTimestamp, nullable=False),
    Column("reason", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    ForeignKeyConstraint(["model_id", "stage"], ["stages.model_id", "stages.name"]),
    Index("ix_stage_history_model_id_stage_id", "model_id", "stage", "id"),
    Index("ix_stage_history_model_id_stage_number", "model_id", "stage", "number"),
)

stage_failures = Table(
    "stage_failures",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("model_id", String(32), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("promotion_id", String(32)),
    Column("reason", Text, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("at", UtcTimestamp, nullable=False),
    Column("cleared_at", UtcTimestamp),
    Column("cleared_by", String(256)),
    Column("cleared_reason", Text),
    ForeignKeyConstraint(["model_id", "stage"], ["stages.model_id", "stages.name"]),
    Index("ix_stage_failures_model_id_stage", "model_id", "stage"),
)

policies = Table(
    "policies",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", JsonText, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("created_by", String(256), nullable=False),
)

policy_attachments = Table(
    "policy_attachments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("policy", String(64), nullable=False, index=True),
    Column("model_pattern", String(256), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("attached_at", UtcTimestamp, nullable=False),
    Column("attached_by", String(256), nullable=False),
    Column("detached_at", UtcTimestamp),
    Column("detached_by", String(256)),
)

policy_changes = Table(
    "policy_changes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("policy", String(64), nullable=False),
    Column("payload", JsonText, nullable=False),
    Column("proposed_by", String(256), nullable=False),
    Column("proposed_at", UtcTimestamp, nullable=False),
    Column("confirmed_by", String(256)),
    Column("confirmed_at", UtcTimestamp),
    Column("result", JsonText, nullable=False),
    Index("ix_policy_changes_proposed_at_id", "proposed_at", "id"),
)

# ---------------------------------------------------------------------------------------------------- promotions

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
    Column("revision", BigInteger, nullable=False),
    _version_reference("promotions"),
    ForeignKeyConstraint(["model_id", "stage"], ["stages.model_id", "stages.name"]),
    Index("ix_promotions_requested_at_id", "requested_at", "id"),
    Index("ix_promotions_model_id_stage_phase", "model_id", "stage", "phase"),
    Index("ix_promotions_model_id_phase", "model_id", "phase"),
    Index("ix_promotions_phase_deadline_at", "phase", "deadline_at"),
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
    Column("id", _RowId, primary_key=True, autoincrement=True),
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
    Column("id", _RowId, primary_key=True, autoincrement=True),
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
    _version_reference("checks"),
    Index("ix_checks_model_id_number_id", "model_id", "number", "id"),
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("model_id", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("target", String(256), nullable=False),
    Column("role", String(16), nullable=False),
    Column("traffic", Double, nullable=False),
    Column("stage", String(64)),
    Column("promotion_id", String(32)),
    Column("run", String(1024)),
    Column("status", String(16), nullable=False),
    Column("observed_digest", String(71)),
    Column("observed_at", UtcTimestamp),
    Column("started_at", UtcTimestamp, nullable=False),
    Column("started_by", String(256), nullable=False),
    Column("ended_at", UtcTimestamp),
    Column("revision", BigInteger, nullable=False),
    _version_reference("deployments"),
    Index("ix_deployments_started_at_id", "started_at", "id"),
    Index("ix_deployments_model_id_target_role", "model_id", "target", "role"),
)

# -------------------------------------------------------------------------------------------------- the one log

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

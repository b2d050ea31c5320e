"""Retention rules, and previews of what they would let go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_UNDER_WAY = "rule IS NOT NULL AND finished_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "retention_rules",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=256), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=256), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", "version", name="pk_retention_rules"),
    )
    op.create_table(
        "retention_previews",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("pattern", sa.String(length=256), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=True),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("after", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=256), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("models", sa.Integer(), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("going", sa.Integer(), nullable=False),
        sa.Column("bytes_freed", sa.BigInteger(), nullable=True),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_retention_previews"),
    )
    op.create_index("ix_retention_previews_created_at_id", "retention_previews", ["created_at", "id"])
    op.create_index(
        "ix_retention_previews_under_way",
        "retention_previews",
        ["expires_at"],
        sqlite_where=sa.text(_UNDER_WAY),
        postgresql_where=sa.text(_UNDER_WAY),
    )
    op.create_table(
        "previewed_versions",
        sa.Column("preview_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fate", sa.String(length=16), nullable=False),
        sa.Column("kept_by", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["preview_id"], ["retention_previews.id"], name="fk_previewed_versions_preview_id_retention_previews"
        ),
        sa.ForeignKeyConstraint(
            ["model_id", "number"], ["versions.model_id", "versions.number"], name="fk_previewed_versions_version"
        ),
        sa.PrimaryKeyConstraint("preview_id", "position", name="pk_previewed_versions"),
        sa.UniqueConstraint(
            "preview_id", "model_id", "number", name="uq_previewed_versions_preview_id_model_id_number"
        ),
    )
    op.create_index(
        "ix_previewed_versions_preview_id_fate_position", "previewed_versions", ["preview_id", "fate", "position"]
    )


def downgrade() -> None:
    op.drop_table("previewed_versions")
    op.drop_table("retention_previews")
    op.drop_table("retention_rules")

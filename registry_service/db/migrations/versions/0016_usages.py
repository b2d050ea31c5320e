"""What versions were used for, and when last: of before, what deployments tell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# A deployment uses its version from its start, and whatever content its target was seen to serve.
FILL = """
    INSERT INTO version_uses (model_id, number, last_used_at, usages)
    SELECT model_id, number, max(at), 0 FROM (
        SELECT model_id, number, started_at AS at FROM deployments
        UNION ALL
        SELECT versions.model_id, versions.number, deployments.observed_at AS at
        FROM deployments JOIN versions
        ON versions.digest = deployments.observed_digest AND versions.model_id = deployments.model_id
        WHERE deployments.observed_at IS NOT NULL
    ) AS used GROUP BY model_id, number
"""


def upgrade() -> None:
    op.create_table(
        "version_uses",
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=False),
        sa.Column("usages", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id", "number"], ["versions.model_id", "versions.number"], name="fk_version_uses_version"
        ),
        sa.PrimaryKeyConstraint("model_id", "number", name="pk_version_uses"),
    )
    op.create_index("ix_version_uses_model_id_last_used_at", "version_uses", ["model_id", "last_used_at"])
    op.create_table(
        "usages",
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("batch", sa.String(length=1024), nullable=False),
        sa.Column("run", sa.String(length=1024), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.Column("reported_by", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id", "number"], ["versions.model_id", "versions.number"], name="fk_usages_version"
        ),
        sa.PrimaryKeyConstraint("model_id", "number", "ordinal", name="pk_usages"),
    )
    op.create_index("uq_usages_fingerprint", "usages", ["model_id", "number", "fingerprint"], unique=True)
    op.execute(FILL)


def downgrade() -> None:
    op.drop_table("usages")
    op.drop_table("version_uses")

"""What models take up, and versions in the order of their size."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_stock",
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("unused", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("own_size", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_model_stock_model_id_models"),
        sa.PrimaryKeyConstraint("model_id", name="pk_model_stock"),
    )
    op.create_index("ix_versions_size_model_id_number", "versions", ["size", "model_id", "number"])


def downgrade() -> None:
    op.drop_index("ix_versions_size_model_id_number", "versions")
    op.drop_table("model_stock")

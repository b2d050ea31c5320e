"""Names that models gave up, which lead to the present ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_former_names",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("name_fold", sa.String(length=256), nullable=False),
        sa.Column("given_up_at", sa.BigInteger(), nullable=False),
        sa.Column("given_up_by", sa.String(length=256), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_model_former_names_model_id_models"),
        sa.PrimaryKeyConstraint("id", name="pk_model_former_names"),
    )
    op.create_index("ix_model_former_names_model_id", "model_former_names", ["model_id"])
    op.create_index("ix_model_former_names_name_fold", "model_former_names", ["name_fold"])
    op.create_index(
        "uq_model_former_names_reserved",
        "model_former_names",
        ["name"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("model_former_names")

"""Who stands in for whom at reviews, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delegations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("principal", sa.String(length=256), nullable=False),
        sa.Column("delegate", sa.String(length=256), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=256), nullable=True),
        sa.ForeignKeyConstraint(["principal"], ["principals.name"], name="fk_delegations_principal_principals"),
        sa.ForeignKeyConstraint(["delegate"], ["principals.name"], name="fk_delegations_delegate_principals"),
        sa.PrimaryKeyConstraint("id", name="pk_delegations"),
    )
    op.create_index("ix_delegations_principal", "delegations", ["principal"])
    op.create_index("ix_delegations_delegate", "delegations", ["delegate"])


def downgrade() -> None:
    op.drop_table("delegations")

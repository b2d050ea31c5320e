"""What each person has read of what mentions them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "comment_reads",
        sa.Column("comment_id", sa.String(length=32), nullable=False),
        sa.Column("principal", sa.String(length=256), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name="fk_comment_reads_comment_id_comments"),
        sa.ForeignKeyConstraint(["principal"], ["principals.name"], name="fk_comment_reads_principal_principals"),
        sa.PrimaryKeyConstraint("comment_id", "principal", name="pk_comment_reads"),
    )
    op.create_index("ix_comment_reads_principal", "comment_reads", ["principal"])


def downgrade() -> None:
    op.drop_table("comment_reads")

"""Who withdrew a change of policies that nobody had confirmed, and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("policy_changes", sa.Column("withdrawn_by", sa.String(length=256), nullable=True))
    op.add_column("policy_changes", sa.Column("withdrawn_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("policy_changes") as changes:
        changes.drop_column("withdrawn_at")
        changes.drop_column("withdrawn_by")

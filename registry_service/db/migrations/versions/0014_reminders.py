"""When a promotion is to be reminded of, and when it was last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("promotions", sa.Column("notice_at", sa.BigInteger(), nullable=True))
    op.add_column("promotions", sa.Column("noticed_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_promotions_phase_notice_at", "promotions", ["phase", "notice_at"])


def downgrade() -> None:
    op.drop_index("ix_promotions_phase_notice_at", "promotions")
    op.drop_column("promotions", "noticed_at")
    op.drop_column("promotions", "notice_at")

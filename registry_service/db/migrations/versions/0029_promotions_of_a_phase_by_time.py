"""The promotions in a phase, the newest first, without sorting all that ever came to it."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_promotions_phase_requested_at_id", "promotions", ["phase", "requested_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_promotions_phase_requested_at_id", table_name="promotions")

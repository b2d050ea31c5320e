"""Find the promotions of a version without going through all of its model's."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_promotions_model_id_number", "promotions", ["model_id", "number"])


def downgrade() -> None:
    op.drop_index("ix_promotions_model_id_number", "promotions")

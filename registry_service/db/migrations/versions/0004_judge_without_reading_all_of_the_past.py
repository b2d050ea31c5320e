"""Judge without reading all of a model's past: what is asked at each act of a promotion is found by an index."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_stage_history_model_id_stage_number", "stage_history", ["model_id", "stage", "number"])
    op.create_index("ix_promotions_model_id_phase", "promotions", ["model_id", "phase"])
    op.create_index("ix_versions_digest_model_id_number", "versions", ["digest", "model_id", "number"])
    op.drop_index("ix_versions_digest", "versions")


def downgrade() -> None:
    op.create_index("ix_versions_digest", "versions", ["digest"])
    op.drop_index("ix_versions_digest_model_id_number", "versions")
    op.drop_index("ix_promotions_model_id_phase", "promotions")
    op.drop_index("ix_stage_history_model_id_stage_number", "stage_history")

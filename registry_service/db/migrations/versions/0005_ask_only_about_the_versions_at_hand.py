"""Ask only about the versions at hand: whether their content failed, and what runs for a promotion. One index finds the
open promotions of a model and those of one of its stages."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_stage_failures_model_id_stage_number", "stage_failures", ["model_id", "stage", "number"])
    op.drop_index("ix_stage_failures_model_id_stage", "stage_failures")
    op.create_index("ix_promotions_model_id_phase_stage", "promotions", ["model_id", "phase", "stage"])
    op.drop_index("ix_promotions_model_id_phase", "promotions")
    op.drop_index("ix_promotions_model_id_stage_phase", "promotions")
    op.create_index("ix_deployments_promotion_id", "deployments", ["promotion_id"])


def downgrade() -> None:
    op.drop_index("ix_deployments_promotion_id", "deployments")
    op.create_index("ix_promotions_model_id_stage_phase", "promotions", ["model_id", "stage", "phase"])
    op.create_index("ix_promotions_model_id_phase", "promotions", ["model_id", "phase"])
    op.drop_index("ix_promotions_model_id_phase_stage", "promotions")
    op.create_index("ix_stage_failures_model_id_stage", "stage_failures", ["model_id", "stage"])
    op.drop_index("ix_stage_failures_model_id_stage_number", "stage_failures")

"""Find what was live at a time: what came after it is passed over in an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

OBSERVATIONS = "kind IN ('deployment.observed', 'deployment.drifted')"


def upgrade() -> None:
    op.create_index("ix_stage_history_model_id_stage_id_at", "stage_history", ["model_id", "stage", "id", "at"])
    op.drop_index("ix_stage_history_model_id_stage_id", "stage_history")
    op.create_index(
        "ix_deployments_model_id_ended_at_started_at", "deployments", ["model_id", "ended_at", "started_at"]
    )
    op.create_index(
        "ix_events_observations",
        "events",
        ["subject", "at", "seq"],
        sqlite_where=sa.text(OBSERVATIONS),
        postgresql_where=sa.text(OBSERVATIONS),
    )


def downgrade() -> None:
    op.drop_index("ix_events_observations", "events")
    op.drop_index("ix_deployments_model_id_ended_at_started_at", "deployments")
    op.create_index("ix_stage_history_model_id_stage_id", "stage_history", ["model_id", "stage", "id"])
    op.drop_index("ix_stage_history_model_id_stage_id_at", "stage_history")

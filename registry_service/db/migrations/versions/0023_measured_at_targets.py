"""What targets measure of what they serve."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployments", sa.Column("measured", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "deployment_metrics",
        sa.Column("deployment_id", sa.String(length=32), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name="fk_deployment_metrics_deployment_id_deployments"
        ),
        sa.PrimaryKeyConstraint("deployment_id", "ordinal", name="pk_deployment_metrics"),
    )


def downgrade() -> None:
    op.drop_table("deployment_metrics")
    op.drop_column("deployments", "measured")

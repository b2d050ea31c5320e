"""What people follow, and who did what, found without going through the whole log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("principal", sa.String(length=256), nullable=False),
        sa.Column("pattern", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["principal"], ["principals.name"], name="fk_subscriptions_principal_principals"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("principal", "pattern", name="uq_subscriptions_principal_pattern"),
    )
    op.create_index("ix_events_actor_seq", "events", ["actor", "seq"])


def downgrade() -> None:
    op.drop_index("ix_events_actor_seq", "events")
    op.drop_table("subscriptions")

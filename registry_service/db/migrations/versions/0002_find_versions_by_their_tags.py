"""Find versions by their tags: an index on the start of the values, which may be longer than an index can hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    start = sa.Column("value_start", sa.String(length=64), sa.Computed("substr(value, 1, 64)", persisted=True))
    with op.batch_alter_table("version_tags", schema=None) as batch_op:
        batch_op.add_column(start)
        batch_op.create_index(
            "ix_version_tags_model_id_key_value_start_number",
            ["model_id", "key", "value_start", "number"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("version_tags", schema=None) as batch_op:
        batch_op.drop_index("ix_version_tags_model_id_key_value_start_number")
        batch_op.drop_column("value_start")

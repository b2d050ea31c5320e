"""Say which artifacts are condemned and which are damaged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("blobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("condemned_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("damaged_at", sa.BigInteger(), nullable=True))
        for column in ("condemned_at", "damaged_at"):
            some = sa.text(f"{column} IS NOT NULL")
            batch_op.create_index(
                f"ix_blobs_{column}", [column], unique=False, sqlite_where=some, postgresql_where=some
            )

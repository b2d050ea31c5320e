"""Model cards, and which of their texts stood when a version was registered or approved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_STANDING = ("models", "versions", "promotions")


def upgrade() -> None:
    op.create_table(
        "model_cards",
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("front_matter", sa.Text(), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("written_by", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_model_cards_model_id_models"),
        sa.PrimaryKeyConstraint("model_id", "revision", name="pk_model_cards"),
    )
    op.create_index("ix_model_cards_model_id_digest_revision", "model_cards", ["model_id", "digest", "revision"])
    for table in _STANDING:
        op.add_column(table, sa.Column("card_revision", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for table in _STANDING:
        op.drop_column(table, "card_revision")
    op.drop_table("model_cards")

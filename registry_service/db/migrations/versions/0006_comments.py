"""Comments on models, versions and promotions, and whom they mention."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "comments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("promotion_id", sa.String(length=32), nullable=True),
        sa.Column("author", sa.String(length=256), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("mentions", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("edited_at", sa.BigInteger(), nullable=True),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["author"], ["principals.name"], name="fk_comments_author_principals"),
        sa.ForeignKeyConstraint(
            ["model_id", "number"], ["versions.model_id", "versions.number"], name="fk_comments_version"
        ),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_comments_model_id_models"),
        sa.ForeignKeyConstraint(["promotion_id"], ["promotions.id"], name="fk_comments_promotion_id_promotions"),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
    )
    op.create_index("ix_comments_model_id_number_at_id", "comments", ["model_id", "number", "at", "id"])
    op.create_index("ix_comments_promotion_id_at_id", "comments", ["promotion_id", "at", "id"])
    op.create_table(
        "comment_mentions",
        sa.Column("comment_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name="fk_comment_mentions_comment_id_comments"),
        sa.PrimaryKeyConstraint("comment_id", "kind", "name", name="pk_comment_mentions"),
    )
    op.create_index("ix_comment_mentions_kind_name_comment_id", "comment_mentions", ["kind", "name", "comment_id"])


def downgrade() -> None:
    op.drop_table("comment_mentions")
    op.drop_table("comments")

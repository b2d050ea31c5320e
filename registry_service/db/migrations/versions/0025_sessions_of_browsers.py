"""Tokens of several kinds: sessions of browsers and the links that open them, which end with the token behind them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tokens") as tokens:
        tokens.add_column(sa.Column("kind", sa.String(length=16), nullable=True))
        tokens.add_column(sa.Column("parent", sa.String(length=32), nullable=True))
    op.execute(
        "UPDATE tokens SET kind = (SELECT CASE WHEN kind = 'person' THEN 'personal' ELSE 'service' END"
        " FROM principals WHERE principals.name = tokens.principal)"
    )
    with op.batch_alter_table("tokens") as tokens:
        tokens.alter_column("kind", existing_type=sa.String(length=16), nullable=False)
        tokens.create_foreign_key("fk_tokens_parent_tokens", "tokens", ["parent"], ["id"])
    op.create_index("ix_tokens_parent", "tokens", ["parent"])


def downgrade() -> None:
    # To the schema before, a session would be a token that a program may send.
    op.execute("DELETE FROM tokens WHERE kind IN ('session', 'login')")
    op.drop_index("ix_tokens_parent", table_name="tokens")
    with op.batch_alter_table("tokens") as tokens:
        tokens.drop_constraint("fk_tokens_parent_tokens", type_="foreignkey")
        tokens.drop_column("parent")
        tokens.drop_column("kind")

"""Versions may be deleted, which leaves a tombstone, and kept from it by a legal hold."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, Any] = {
    "deleted_at": sa.BigInteger(),
    "deleted_by": sa.String(length=256),
    "deleted_reason": sa.Text(),
    "let_go_at": sa.BigInteger(),
    "legal_hold_at": sa.BigInteger(),
    "legal_hold_by": sa.String(length=256),
    "legal_hold_reason": sa.Text(),
}
_WAITING = "deleted_at IS NOT NULL AND let_go_at IS NULL"


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("versions", sa.Column(name, kind, nullable=True))
    op.add_column("version_files", sa.Column("kept", sa.Boolean(), nullable=False, server_default=sa.text("true")))
    op.create_index(
        "ix_versions_deleted",
        "versions",
        ["deleted_at"],
        sqlite_where=sa.text(_WAITING),
        postgresql_where=sa.text(_WAITING),
    )


def downgrade() -> None:
    op.drop_index("ix_versions_deleted", "versions")
    op.drop_column("version_files", "kept")
    for name in reversed(_COLUMNS):
        op.drop_column("versions", name)

"""Find versions by the kind of device that they are for, their category, and the system and project they came from."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# No version has any of these yet: what isn't known of a version's metadata is refused.
_COLUMNS: Final = ("target_device_type", "category", "origin", "project_id", "project_name")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("versions", sa.Column(name, sa.String(length=256), nullable=True))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("versions", name)

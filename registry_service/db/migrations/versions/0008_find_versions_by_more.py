"""Find versions of one model and of all by what they have: tags, metrics, lineage, stages, aliases and checks. Each
index has its rows in an order in which versions are shown."""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_REPLACED: Final = (
    ("version_tags", ["model_id", "key", "value_start", "number"], ["key", "value_start", "model_id", "number"]),
    ("version_metrics", ["model_id", "key", "value"], ["model_id", "key", "value", "number"]),
    ("version_lineage", ["kind", "ref"], ["kind", "ref", "model_id", "number"]),
)
_NEW: Final = (
    ("version_metrics", ["key", "value", "model_id", "number"]),
    ("versions", ["created_at", "model_id", "number"]),
    ("versions", ["model_id", "created_at", "number"]),
    ("stages", ["name", "model_id"]),
    ("aliases", ["name", "model_id"]),
    ("checks", ["model_id", "number", "name", "id"]),
    ("checks", ["name", "status", "model_id", "number"]),
)


def _name(table: str, columns: list[str]) -> str:
    return "_".join(["ix", table, *columns])


def upgrade() -> None:
    for table, before, after in _REPLACED:
        op.drop_index(_name(table, before), table)
        op.create_index(_name(table, after), table, after)
    for table, columns in _NEW:
        op.create_index(_name(table, columns), table, columns)


def downgrade() -> None:
    for table, columns in reversed(_NEW):
        op.drop_index(_name(table, columns), table)
    for table, before, after in reversed(_REPLACED):
        op.drop_index(_name(table, after), table)
        op.create_index(_name(table, before), table, before)

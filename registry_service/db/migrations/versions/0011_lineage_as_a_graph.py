"""Lineage as a graph: which version a parent is, what was added later, and indexes to walk both ways and to find what
was deployed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("version_lineage", sa.Column("parent_model_id", sa.String(length=32), nullable=True))
    op.add_column("version_lineage", sa.Column("parent_number", sa.Integer(), nullable=True))
    op.add_column("version_lineage", sa.Column("added_at", sa.BigInteger(), nullable=True))
    op.add_column("version_lineage", sa.Column("added_by", sa.String(length=256), nullable=True))
    _resolve_parents(op.get_bind())
    op.create_index("ix_version_lineage_kind_digest", "version_lineage", ["kind", "digest"])
    op.create_index(
        "ix_version_lineage_parent_model_id_parent_number", "version_lineage", ["parent_model_id", "parent_number"]
    )
    op.create_index("ix_deployments_model_id_number", "deployments", ["model_id", "number"])
    op.create_index("ix_deployments_observed_digest", "deployments", ["observed_digest"])
    op.create_index("ix_deployments_target_started_at", "deployments", ["target", "started_at"])


def _resolve_parents(connection: sa.Connection) -> None:
    """Parents were opaque text until now. Those that name a version that is there, and that was made before, are it."""

    named = connection.execute(
        sa.text("SELECT id, model_id, number, ref FROM version_lineage WHERE kind = 'parent_version' ORDER BY id")
    ).all()
    made = sa.text(
        "SELECT parent.model_id, parent.number FROM models JOIN versions AS parent ON parent.model_id = models.id"
        " JOIN versions AS child ON child.model_id = :model_id AND child.number = :number"
        " WHERE models.name_taken = :name AND parent.number = :parent AND parent.created_at <= child.created_at"
        " AND (parent.model_id <> child.model_id OR parent.number < child.number)"
    )
    change = sa.text("UPDATE version_lineage SET parent_model_id = :model_id, parent_number = :number WHERE id = :id")
    for row in named:
        name, _, number = row.ref.rpartition("/")
        if int(number) >= 2**31:
            continue
        parent = {"model_id": row.model_id, "number": row.number, "name": name, "parent": int(number)}
        found = connection.execute(made, parent).one_or_none()
        if found is not None:
            connection.execute(change, {"id": row.id, "model_id": found.model_id, "number": found.number})


def downgrade() -> None:
    op.drop_index("ix_deployments_target_started_at", "deployments")
    op.drop_index("ix_deployments_observed_digest", "deployments")
    op.drop_index("ix_deployments_model_id_number", "deployments")
    op.drop_index("ix_version_lineage_parent_model_id_parent_number", "version_lineage")
    op.drop_index("ix_version_lineage_kind_digest", "version_lineage")
    for column in ("added_by", "added_at", "parent_number", "parent_model_id"):
        op.drop_column("version_lineage", column)

"""Several people answer for a model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_owners",
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=256), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_model_owners_model_id_models")),
        sa.ForeignKeyConstraint(["owner"], ["principals.name"], name=op.f("fk_model_owners_owner_principals")),
        sa.PrimaryKeyConstraint("model_id", "owner", name=op.f("pk_model_owners")),
    )
    op.create_index(op.f("ix_model_owners_owner"), "model_owners", ["owner"])
    op.execute("INSERT INTO model_owners (model_id, owner, position) SELECT id, owner, 0 FROM models")
    with op.batch_alter_table("models") as models:
        models.drop_column("owner")


def downgrade() -> None:
    with op.batch_alter_table("models") as models:
        models.add_column(sa.Column("owner", sa.String(length=256), nullable=True))
    op.execute(
        "UPDATE models SET owner ="
        " (SELECT owner FROM model_owners WHERE model_id = models.id ORDER BY position LIMIT 1)"
    )
    with op.batch_alter_table("models") as models:
        models.alter_column("owner", existing_type=sa.String(length=256), nullable=False)
        models.create_foreign_key("fk_models_owner_principals", "principals", ["owner"], ["name"])
    op.drop_table("model_owners")

"""What all tables have in common, and the registry's own."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, MetaData, String, Table, Text

# Named constraints: a migration on either database must be able to say which one it means.
metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the key is spelt INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


def version_reference(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["model_id", "number"], ["versions.model_id", "versions.number"], name=f"fk_{table}_version"
    )


registry = Table(
    "registry",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

"""How Alembic runs here: always on a connection, inside a transaction, that `registry_service.db.migrate` opened."""

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlalchemy.types import TypeDecorator


def plain_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write a column of our own types as what is stored: a revision must mean the same when those types change."""

    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{type(item.impl_instance).__name__}()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    render_item=plain_type,
    # SQLite can't alter most of a table: Alembic copies the table instead.
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

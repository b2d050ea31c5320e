"""What full-text search finds models and versions by: derived from them, in the transaction that changes them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from registry_service.db.tables.schema import RowId, metadata

# A row of number 0 is the model's own. Without words of its own, a version has no row. The columns hold words alone
# (`domain.words`). SQLite indexes them in `text_search`, which triggers keep, and PostgreSQL in `text_search_gin`; both
# stand in the revision that made them, as they are neither's idea of a table.
texts = Table(
    "texts",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("description", Text, nullable=False),
    UniqueConstraint("model_id", "number"),
)

VECTOR = (
    "setweight(to_tsvector('simple'::regconfig, texts.name), 'A')"
    " || setweight(to_tsvector('simple'::regconfig, texts.tags), 'B')"
    " || setweight(to_tsvector('simple'::regconfig, texts.description), 'D')"
)
"""What PostgreSQL's index is of."""

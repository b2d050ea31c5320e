"""What people write to each other, and whom they mention."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from registry_service.db.tables.schema import metadata, version_reference
from registry_service.db.types import JsonText, UtcTimestamp

# Of a promotion, or of a version, or of the model itself where neither is named.
comments = Table(
    "comments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("number", Integer),
    Column("promotion_id", ForeignKey("promotions.id")),
    Column("author", ForeignKey("principals.name"), nullable=False),
    Column("text", Text, nullable=False),
    Column("mentions", JsonText, nullable=False),
    Column("at", UtcTimestamp, nullable=False),
    Column("edited_at", UtcTimestamp),
    Column("removed_at", UtcTimestamp),
    Column("revision", BigInteger, nullable=False),
    version_reference("comments"),
    Index("ix_comments_model_id_number_at_id", "model_id", "number", "at", "id"),
    Index("ix_comments_promotion_id_at_id", "promotion_id", "at", "id"),
)

# What each person has read of what mentions them.
comment_reads = Table(
    "comment_reads",
    metadata,
    Column("comment_id", ForeignKey("comments.id"), primary_key=True),
    Column("principal", ForeignKey("principals.name"), primary_key=True, index=True),
    Column("at", UtcTimestamp, nullable=False),
)

# The mentions again, to be found by whom they mean: `kind` is `person` or `group`.
comment_mentions = Table(
    "comment_mentions",
    metadata,
    Column("comment_id", ForeignKey("comments.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", String(256), primary_key=True),
    Index("ix_comment_mentions_kind_name_comment_id", "kind", "name", "comment_id"),
)

"""Find models and versions by the words of their names, tags and descriptions: what is there already, too."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ON_SQLITE: Final = (
    """CREATE VIRTUAL TABLE text_search USING fts5(name, tags, description, content='texts', content_rowid='id',
    tokenize="unicode61 remove_diacritics 0")""",
    """CREATE TRIGGER text_search_inserted AFTER INSERT ON texts BEGIN
    INSERT INTO text_search(rowid, name, tags, description) VALUES (new.id, new.name, new.tags, new.description);
    END""",
    """CREATE TRIGGER text_search_deleted AFTER DELETE ON texts BEGIN
    INSERT INTO text_search(text_search, rowid, name, tags, description)
    VALUES ('delete', old.id, old.name, old.tags, old.description);
    END""",
    """CREATE TRIGGER text_search_updated AFTER UPDATE ON texts BEGIN
    INSERT INTO text_search(text_search, rowid, name, tags, description)
    VALUES ('delete', old.id, old.name, old.tags, old.description);
    INSERT INTO text_search(rowid, name, tags, description) VALUES (new.id, new.name, new.tags, new.description);
    END""",
)
_ON_POSTGRESQL: Final = (
    "CREATE INDEX text_search_gin ON texts USING gin ((setweight(to_tsvector('simple'::regconfig, name), 'A')"
    " || setweight(to_tsvector('simple'::regconfig, tags), 'B')"
    " || setweight(to_tsvector('simple'::regconfig, description), 'D')))"
)
_ROWS_AT_ONCE: Final = 1000


def upgrade() -> None:
    texts = op.create_table(
        "texts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_texts_model_id_models")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_texts")),
        sa.UniqueConstraint("model_id", "number", name=op.f("uq_texts_model_id_number")),
    )
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in _ON_SQLITE:
            connection.exec_driver_sql(statement)
    found = _found(connection)
    while some := list(islice(found, _ROWS_AT_ONCE)):
        connection.execute(sa.insert(texts), some)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_ON_POSTGRESQL)


def _found(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """What is there already."""

    of_models = connection.execute(
        sa.text(
            "SELECT m.id, 0, m.name, m.description, t.key, t.value FROM models m LEFT JOIN model_tags t"
            " ON t.model_id = m.id ORDER BY m.id, t.key"
        )
    )
    yield from _rows(of_models)
    of_versions = connection.execute(
        sa.text(
            "SELECT v.model_id, v.number, '', v.description, t.key, t.value FROM versions v LEFT JOIN version_tags t"
            " ON t.model_id = v.model_id AND t.number = v.number WHERE v.description <> '' OR t.key IS NOT NULL"
            " ORDER BY v.model_id, v.number, t.key"
        )
    )
    yield from _rows(of_versions)


def _rows(rows: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a result
    for (model_id, number, name, description), tagged in groupby(rows, key=lambda row: tuple(row[:4])):
        tags = " ".join(f"{row[4]} {row[5]}" for row in sorted(map(tuple, tagged)) if row[4] is not None)
        row = {"name": _plain(name), "tags": _plain(tags), "description": _plain(description)}
        if any(row.values()):
            yield {"model_id": model_id, "number": number, **row}


def _plain(text: str) -> str:
    """As `domain.words` had it when this was written."""

    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    divided = "".join(character if character.isalnum() else " " for character in plain)
    return " ".join(word[:64] for word in divided.split())


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE text_search")
    op.drop_table("texts")

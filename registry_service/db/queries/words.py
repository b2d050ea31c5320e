"""Full-text search over names, tags, descriptions and cards of models and versions in sight."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, column, func, literal, literal_column, select, table

from registry_service.db.queries.sight import in_sight
from registry_service.db.tables import VECTOR, models, texts, versions
from registry_service.db.view import View
from registry_service.domain.entities import FoundText, Page
from registry_service.domain.permissions import Action
from registry_service.domain.words import wanted_words

# What a name says of a model weighs more than its tags, and these more than a description.
_WEIGHTS = (10.0, 4.0, 1.0)
_SHOWN = 200  # characters of a description


def search(view: View, text: str, *, limit: int) -> Page[FoundText]:
    """What has all words of `text` (the last one as a beginning), the best first.

    :raises InvalidInput: there is no word, or too many.
    """

    found = (
        _matching(view.connection, wanted_words(text))
        .where(
            models.c.deleted_at.is_(None),
            versions.c.deleted_at.is_(None),
            in_sight(view, Action.VERSION_READ, models.c.name),
        )
        .outerjoin(versions, (versions.c.model_id == texts.c.model_id) & (versions.c.number == texts.c.number))
        .add_columns(
            models.c.name.label("model_name"),
            texts.c.number,
            func.coalesce(versions.c.description, models.c.description).label("description"),
        )
        .order_by(literal_column("place"), models.c.name, texts.c.number.desc())
        .limit(limit)
    )
    return Page(
        items=[
            FoundText(
                model_name=row.model_name,
                version=row.number or None,
                description=row.description[:_SHOWN],
                url=view.url("models", row.model_name, *(["versions", row.number] if row.number else [])),
            )
            for row in view.connection.execute(found)
        ]
    )


def _matching(connection: Connection, words: list[str]) -> Select[Any]:
    """Texts joined with their models, with their `place`: less is better. Words are letters and digits alone, so that
    nothing in them means anything to either database."""

    *whole, last = words
    if connection.dialect.name == "sqlite":
        index = table("text_search", column("rowid"))
        place = func.bm25(literal_column("text_search"), *_WEIGHTS).label("place")
        asked = " AND ".join([*(f'"{word}"' for word in whole), f'"{last}"*'])
        return (
            select(place)
            .select_from(index)
            .join(texts, texts.c.id == index.c.rowid)
            .join(models, models.c.id == texts.c.model_id)
            .where(literal_column("text_search").op("MATCH", is_comparison=True)(literal(asked)))
        )
    vector: Any = literal_column(f"({VECTOR})")
    query = func.to_tsquery("simple", " & ".join([*(f"'{word}'" for word in whole), f"'{last}':*"]))
    return (
        select((-func.ts_rank(vector, query)).label("place"))
        .select_from(texts)
        .join(models, models.c.id == texts.c.model_id)
        .where(vector.op("@@", is_comparison=True)(query))
    )

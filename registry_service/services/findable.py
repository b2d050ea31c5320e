"""What full-text search finds a model or a version by, kept in the transaction that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import bindparam, delete, insert, select

from registry_service.db.prepared import Prepared
from registry_service.db.tables import model_cards, model_tags, models, texts, version_tags, versions
from registry_service.domain.words import plain, plain_description, plain_tags
from registry_service.services.work import Work

OF_MODEL: Final = 0
"""The number of the row that is the model's own."""

_INSERT: Final = Prepared(insert(texts), columns=["model_id", "number", "name", "tags", "description"])
_DELETE: Final = Prepared(
    delete(texts).where(texts.c.model_id == bindparam("of"), texts.c.number == bindparam("numbered"))
)


def let_find(
    work: Work,
    model_id: str,
    number: int,
    *,
    name: str = "",
    tags: Mapping[str, str],
    description: str,
    card: str = "",
) -> None:
    """Make it found by its words, where it has any."""

    found = {"name": plain(name), "tags": plain_tags(tags), "description": plain_description(description, card)}
    if any(found.values()):
        _INSERT.change(work.connection, model_id=model_id, number=number, **found)


def find_model_anew(work: Work, model_id: str) -> None:
    """After its name, tags, description or card changed."""

    row = work.connection.execute(
        select(models.c.name, models.c.description, model_cards.c.text)
        .outerjoin(
            model_cards,
            (model_cards.c.model_id == models.c.id) & (model_cards.c.revision == models.c.card_revision),
        )
        .where(models.c.id == model_id)
    ).one()
    held = work.connection.execute(
        select(model_tags.c.key, model_tags.c.value).where(model_tags.c.model_id == model_id)
    )
    tags = {tag.key: tag.value for tag in held}
    _DELETE.change(work.connection, of=model_id, numbered=OF_MODEL)
    let_find(work, model_id, OF_MODEL, name=row.name, tags=tags, description=row.description, card=row.text or "")


def find_version_anew(work: Work, model_id: str, number: int) -> None:
    """After its tags or description changed."""

    description = work.connection.execute(
        select(versions.c.description).where(versions.c.model_id == model_id, versions.c.number == number)
    ).scalar_one()
    held = work.connection.execute(
        select(version_tags.c.key, version_tags.c.value).where(
            version_tags.c.model_id == model_id, version_tags.c.number == number
        )
    )
    tags = {tag.key: tag.value for tag in held}
    _DELETE.change(work.connection, of=model_id, numbered=number)
    let_find(work, model_id, number, tags=tags, description=description)

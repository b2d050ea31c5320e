"""What full-text search finds by, which is derived from models and versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from sqlalchemy import select

from registry_service.care.findings import Check, Look
from registry_service.db.tables import model_cards, model_tags, models, texts, version_tags, versions
from registry_service.domain.words import plain, plain_description, plain_tags

_Key = tuple[str, int]
_Words = tuple[str, str, str]


def _derived(look: Look) -> Iterator[str]:
    kept = {
        (row.model_id, row.number): (row.name, row.tags, row.description)
        for row in look.rows(select(texts.c.model_id, texts.c.number, texts.c.name, texts.c.tags, texts.c.description))
    }
    for key, expected in _expected(look):
        if kept.pop(key, ("", "", "")) != expected:
            yield f"{_named(key)} is found by other words than it has; changing its description mends it"
    for key in kept:
        yield f"{_named(key)} is found by words, and isn't there"


def _expected(look: Look) -> Iterator[tuple[_Key, _Words]]:
    tags: dict[_Key, dict[str, str]] = defaultdict(dict)
    for tag in look.rows(select(model_tags.c.model_id, model_tags.c.key, model_tags.c.value)):
        tags[tag.model_id, 0][tag.key] = tag.value
    for tag in look.rows(
        select(version_tags.c.model_id, version_tags.c.number, version_tags.c.key, version_tags.c.value)
    ):
        tags[tag.model_id, tag.number][tag.key] = tag.value
    carded = select(models.c.id, models.c.name, models.c.description, model_cards.c.text).outerjoin(
        model_cards, (model_cards.c.model_id == models.c.id) & (model_cards.c.revision == models.c.card_revision)
    )
    for row in look.rows(carded):
        words = plain_description(row.description, row.text or "")
        yield (row.id, 0), (plain(row.name), plain_tags(tags[row.id, 0]), words)
    for row in look.rows(select(versions.c.model_id, versions.c.number, versions.c.description)):
        key = (row.model_id, row.number)
        yield key, ("", plain_tags(tags[key]), plain(row.description))


def _named(key: _Key) -> str:
    model_id, number = key
    return f"version {number} of model {model_id}" if number else f"model {model_id}"


CHECKS: Final = (Check("text_search", "Models and versions are found by the words that they have.", _derived),)

"""What full-text search finds."""

from __future__ import annotations

from registry_service.domain.entities.answer import Answer


class FoundText(Answer, frozen=True, kw_only=True):
    """A model, or one of its versions, whose name, tags and description have all words that were looked for.
    `description` is its beginning."""

    model_name: str
    version: int | None
    description: str
    url: str

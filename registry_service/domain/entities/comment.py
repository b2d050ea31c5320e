"""What people write to each other about models, versions and promotions."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer
from registry_service.domain.mentions import Mentions


class Comment(Answer, frozen=True, kw_only=True):
    """A comment on a promotion (`promotion_id`), on a version (`version`), or on the model itself (neither). `text` is
    the source, in Markdown; whoever shows it takes care that nothing in it acts. One that was removed leaves its place:
    `removed_at` is set, and the text is gone."""

    id: str
    model_name: str
    version: int | None
    promotion_id: str | None
    author: str
    text: str
    mentions: Mentions
    at: datetime
    edited_at: datetime | None
    removed_at: datetime | None
    revision: int

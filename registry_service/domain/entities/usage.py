"""That versions are used, and for what."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.use import Use


class Usage(Answer, frozen=True, kw_only=True):
    """A run used a version for a batch. `ordinal` counts the version's usages; `rows` None: the run didn't count."""

    model_name: str
    version: int
    digest: str
    ordinal: int
    batch: str
    run: str
    rows: int | None
    reported_at: datetime
    reported_by: str
    revision: int


class VersionUse(Answer, frozen=True, kw_only=True):
    """What a version is needed for (`needed_for`), how many usages were ever reported of it, and when it was last used:
    a usage was reported, a deployment of it began, or a target was seen to serve its content. None: never."""

    model_name: str
    version: int
    digest: str
    needed_for: list[Use]
    usages: int
    last_used_at: datetime | None

"""What people follow, and what happened there."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.event import Event
from registry_service.domain.following import Concern


class Subscription(Answer, frozen=True, kw_only=True):
    """A person follows the models that `pattern` matches: a name, or one with `*` and `?`."""

    id: str
    principal: str
    pattern: str
    created_at: datetime


class Activity(Answer, frozen=True, kw_only=True):
    """Something that happened, and why it concerns the caller; `concerns` is empty where it doesn't."""

    event: Event
    concerns: list[Concern]

"""The log and its readers."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer


class Event(Answer, frozen=True, kw_only=True):
    """One row of the log. `seq` grows in the order of commits. `subject` names what it is about within the model (a
    version number, a promotion id…)."""

    seq: int
    at: datetime
    kind: str
    actor: str
    model_name: str | None
    revision: int | None
    subject: str | None
    data: dict[str, object]


class EventPage(Answer, frozen=True, kw_only=True):
    """`cursor` continues after the last event looked at, also where the caller may not see it."""

    events: list[Event]
    cursor: str


class Consumer(Answer, frozen=True, kw_only=True):
    """A named reader of the log; its cursor outlives whatever reads it."""

    name: str
    owner: str
    cursor: str
    updated_at: datetime

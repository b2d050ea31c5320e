"""The unit of work: what a use case gets in its hands, and the one place where state and events meet a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from registry_service.domain.permissions import Action, Actor, authorize


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event that waits for its number, which is allotted last, inside the commit order."""

    kind: str
    model_id: str | None
    model_name: str | None
    revision: int | None
    subject: str | None
    data: Mapping[str, object]


@dataclass(slots=True)
class Work:
    """One transaction on behalf of one actor at one moment. `now` is the only clock that a use case knows."""

    connection: Connection
    actor: Actor
    now: datetime
    public_url: str = ""
    events: list[PendingEvent] = field(default_factory=list)

    def authorize(self, action: Action, model_name: str | None) -> None:
        authorize(self.actor, action, model_name)

    def record(
        self,
        kind: str,
        *,
        model_id: str | None = None,
        model_name: str | None = None,
        revision: int | None = None,
        subject: str | None = None,
        **data: object,
    ) -> None:
        """Append an event to the log, in this transaction."""
        self.events.append(PendingEvent(kind, model_id, model_name, revision, subject, data))

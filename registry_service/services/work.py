"""The unit of work: what a use case gets in its hands. State and events meet here, and are committed together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry_service.db.view import View
from registry_service.domain.permissions import Action


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
class Work(View):
    """One transaction that changes state, and the events that tell of it.

    `existed` is set by a use case that made nothing new because what was asked for is there already. `authorized`
    keeps what was asked of the gate, so that a stored answer can be authorised again before it is repeated.
    """

    events: list[PendingEvent] = field(default_factory=list)
    existed: bool = False
    authorized: list[tuple[Action, str | None]] = field(default_factory=list)

    def authorize(self, action: Action, model_name: str | None) -> None:
        View.authorize(self, action, model_name)
        self.authorized.append((action, model_name))

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

"""What a read gets in its hands: a transaction to look through, on behalf of one actor at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import Connection

from registry_service.domain.permissions import Action, Actor, authorize, authorize_somewhere


@dataclass(slots=True)
class View:
    """One transaction's sight of the registry. `now` is the only clock that queries and use cases know; `public_url`
    is where people reach the registry, without a trailing slash."""

    connection: Connection
    actor: Actor
    now: datetime
    public_url: str = ""

    def authorize(self, action: Action, model_name: str | None) -> None:
        """:raises ModelNotFound, PersonRequired, NotPermitted: as `permissions.authorize`."""
        authorize(self.actor, action, model_name)

    def authorize_somewhere(self, action: Action) -> None:
        """For what belongs to no model: the actor may do it on some model at least.

        :raises PersonRequired, NotPermitted: as `permissions.authorize_somewhere`.
        """
        authorize_somewhere(self.actor, action)

    def url(self, *parts: str | int) -> str:
        """The address of a page about these parts."""
        return "/".join([self.public_url, *(quote(str(part), safe="") for part in parts)])
